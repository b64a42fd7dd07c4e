#compdef cms
# Completion of cms for zsh: verbs, options, and the packages, sections and options that are there.
#   source <(cms completion zsh)
_cms() {
    local -a lines plain open
    local line value
    lines=("${(@f)$(_call_program candidates ${(q)words[1]} __candidates -- ${(q)words[2,CURRENT]} 2>/dev/null)}")
    for line in $lines; do
        value=${line%%$'\t'*}
        [[ -z $value ]] && continue
        # A package or section goes on with a dot, an assignment with its value.
        if [[ $value == *[.=/] ]]; then open+=("$value"); else plain+=("$value"); fi
    done
    (( $#open )) && compadd -Q -S '' -- $open
    (( $#plain )) && compadd -Q -- $plain
}
if [[ $funcstack[1] == _cms ]]; then _cms "$@"; else compdef _cms cms; fi
