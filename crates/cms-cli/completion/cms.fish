# Completion of cms for fish: verbs, options, and the packages, sections and options that are there.
#   cms completion fish | source
function __cms_candidates
    set -l words (commandline --tokenize --current-process --cut-at-cursor) (commandline --current-token --cut-at-cursor)
    $words[1] __candidates -- $words[2..-1] 2>/dev/null
end
complete --command cms --no-files --arguments '(__cms_candidates)'
