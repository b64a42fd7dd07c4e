# Completion of cms for bash: verbs, options, and the packages, sections and options that are there.
#   source <(cms completion bash)
_cms() {
    local line=${COMP_LINE:0:COMP_POINT} word
    local -a words
    # Bash breaks words at `=`, `:` and `@`, which are parts of keys; blanks are the breaks that count.
    read -r -a words <<<"$line"
    [[ $line == *[[:space:]] || ${#words[@]} -eq 0 ]] && words+=("")
    word=${words[${#words[@]} - 1]}
    # Bash replaces only what follows the last of its own breaks.
    local kept=$(( ${#word} - ${#2} )) candidate
    (( kept < 0 )) && kept=0
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        [[ -n $candidate ]] && COMPREPLY+=("${candidate:kept}")
    done < <("${words[0]}" __candidates -- "${words[@]:1}" 2>/dev/null)
    # A package or section goes on with a dot, an assignment with its value.
    if [[ ${#COMPREPLY[@]} -gt 0 && ${COMPREPLY[0]} == *[.=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -F _cms cms
