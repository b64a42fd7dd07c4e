# The messages of cms in English.
#
# Lower case and without a full stop, as programs speak; help texts are sentences without one.
# Every id is in every language, with the same variables; a test says so.

## Labels

label-error = error
label-warning = warning
label-note = note
label-ok = ok
label-hint = hint
label-advice = what to do
label-lost = lost:
label-allowed = allowed
label-rule = rule
label-examples = Examples
label-verbs = Commands
label-usage = Usage
label-arguments = Arguments
label-options = Options
label-global-options = Global options

## Counts

count-packages = { $count ->
    [one] { $count } package
   *[other] { $count } packages
}
count-errors = { $count ->
    [one] { $count } error
   *[other] { $count } errors
}
count-warnings = { $count ->
    [one] { $count } warning
   *[other] { $count } warnings
}
findings-more = and { $count } more
count-changes = { $count ->
    [one] { $count } change
   *[other] { $count } changes
}

## Help

help-title = cms - configuration management: the commands of uci, on a log that loses nothing
help-examples =
    cms show network                        what is configured
    cms set network.lan.ipaddr=10.0.0.1     stage a change
    cms changes                             what is staged
    cms commit -m 'new address'             make it a revision
    cms history network.lan                 who changed what, and when
    cms diff 3 7                            what changed between two revisions
    cms rollback 3                          go back to revision 3, with a new commit
help-end =
    `cms help COMMAND` shows the examples and options of a command.
    Keys are PACKAGE.SECTION.OPTION; sections are named, or counted: @rule[0], @rule[-1].
    Exit codes: 0 done, 1 error, 2 wrong call, 3 not found, 4 invalid, 5 conflict, 6 not allowed,
    7 not available, 10 there are changes (diff --exit-code).

verb-get = Print a value
verb-show = Show sections and options with their values
verb-list = List the names below a key
verb-search = Find keys and values by a pattern
verb-set = Set an option, or create a section
verb-add = Add an anonymous section
verb-add_list = Append an item to a list
verb-del_list = Remove an item from a list
verb-delete = Delete a section, an option, or an item of a list
verb-rename = Rename a section or an option
verb-reorder = Move a section
verb-batch = Run many commands as one: all of them, or none
verb-changes = Show what you have staged
verb-revert = Take back what you have staged
verb-validate = Check packages and files against their schemas
verb-explain = Explain a kind of finding by its code, or an option by its key
verb-module = Show, add and remove the schemas of this machine
verb-schema = Show, check, draft, export and import schemas; bring data to their versions
verb-commit = Make what you have staged a revision
verb-confirm = Keep a commit that is rolled back unless it is confirmed
verb-history = List the commits, the newest first
verb-watch = Show what is committed, as it is committed
verb-table = Keep rows of one shape in tables, with history; changes are committed at once
verb-trigger = Show which service runs which revision, or run what has to be run
verb-diff = Show what changed between two states
verb-blame = Show who set each option last
verb-rollback = Restore the state of a revision, with a new commit
verb-undo = Reverse commits, and only these, with a new commit
verb-export = Write packages as text: uci, json, yaml or toml
verb-import = Read packages from text: uci, json, yaml, toml, ini, env, sysctl, csv, etcd or consul
verb-backup = Write the configuration and its history into one file, and check it
verb-restore = Restore a backup: all of it where nothing is, else as a commit
verb-compact = Give up old commits
verb-health = Show at a glance whether all is well
verb-doctor = Check log, files and rights, and say what to do
verb-memory = Show what the mapped segment takes, check it, or write it anew
verb-bench = Measure how fast this machine is, on a store of its own
verb-shell = Type one command after the other, with history, completion and transactions
verb-completion = Print the completion script of a shell
verb-__candidates = Print the candidates for completion
verb-__bench = Be the other process of a measurement; cms starts it by itself
verb-__guard = Roll back what nobody confirms; cms starts it by itself
verb-__man = Write the manual pages; for the build

examples-get =
    cms get network.lan.proto
    cms get network.lan.proto --at 12
    cms get network.lan.mtu --default    (what holds where it is not set)
    cms get firewall.@rule[-1].name
examples-show =
    cms show network
    cms show network.lan --json
    cms show network.lan --default       (with what holds where nothing is set)
    cms show firewall --at 2026-11-22T14:00:00Z
examples-list =
    cms list
    cms list network
    cms list network.lan
examples-search =
    cms search 192.168
    cms search '*.proto' --keys
    cms search --regex '^10\.' --values
examples-set =
    cms set network.lan.ipaddr=192.168.1.1
    cms set network.guest=interface network.guest.proto=static
    cms set network.lan.ipv6=            (an empty value deletes)
examples-add =
    cms add firewall rule                (prints the name of the new section)
    cms set firewall.@rule[-1].name=ssh
examples-add_list =
    cms add_list network.lan.dns=9.9.9.9
examples-del_list =
    cms del_list network.lan.dns=9.9.9.9
examples-delete =
    cms delete network.lan.mtu
    cms delete firewall.@rule[-1]
    cms delete network.lan.dns=0         (the first item of a list)
examples-rename =
    cms rename network.lan=home
    cms rename firewall.@rule[0]=ssh
examples-reorder =
    cms reorder firewall.@rule[-1]=0     (the last rule becomes the first section)
examples-batch =
    cms batch -f changes.txt
    cms batch -f changes.txt --confirm 90s
    printf '%s\n' 'set system.@system[0].hostname=gw' 'commit system' | cms batch -m 'new name'
examples-changes =
    cms changes
    cms changes network --diff
examples-revert =
    cms revert network.lan.mtu
    cms revert network
examples-validate =
    cms validate                         (all packages, with what you have staged)
    cms validate network --json
    cms validate ./new/network ./new/firewall
    cms validate ./network.new --as network --deny-warnings
examples-explain =
    cms explain CMS0101
    cms explain network.lan.mtu          (value or default, rules, last change)
    cms explain
examples-module =
    cms module
    cms module show network
    cms module add ./blog
    cms module remove blog
examples-schema =
    cms schema show network
    cms schema show network.interface
    cms schema show network.interface.proto
    cms schema check ./blog              (before it is registered)
    cms schema infer blog > blog.schema  (a draft, to be read and mended)
    cms schema export network > network.schema.json
    cms schema import blog.schema.json --add
examples-commit =
    cms commit
    cms commit network -m 'larger frames'
    cms commit --dry-run
    cms commit --confirm 90s             (rolled back unless `cms confirm` comes in time)
    cms commit --confirm 5m --probe 'ping -c 1 192.168.7.254'
examples-confirm =
    cms confirm                          (the only one that is pending)
    cms confirm k7m2x9qd
    cms confirm --cancel k7m2x9qd        (rolls back now)
    cms confirm --list
examples-history =
    cms history
    cms history network.lan.mtu
    cms history --limit 5 --json
examples-watch =
    cms watch
    cms watch 'network.*.mtu' --json
    cms watch network --cursor firewall --exec /etc/init.d/firewall
examples-table =
    cms table create leases 'ip TEXT ipv4' 'mac TEXT mac' 'host TEXT' --key ip --unique mac
    cms table insert leases ip=10.0.0.7 mac=02:00:00:00:00:07 -m "the printer"
    cms table insert leases --csv leases.csv --replace
    cms table query leases 'ip^=10.' --order host --format csv
    cms table update leases 10.0.0.7 host=printer
    cms table sql "DELETE FROM leases WHERE host IS NULL"
    cms table history leases 10.0.0.7
examples-trigger =
    cms set cms.firewall=trigger
    cms add_list cms.firewall.pattern=network
    cms set cms.firewall.service=firewall
    cms commit
    cms trigger status
    cms trigger run
examples-diff =
    cms diff                             (what is staged)
    cms diff 12                          (since revision 12)
    cms diff head~1 head --format unified
    cms diff 12 --exit-code              (10 if there are changes)
examples-blame =
    cms blame network.lan
    cms blame network --format table
examples-rollback =
    cms rollback 12
    cms rollback head~1 network -m 'the new address was wrong'
    cms rollback 12 --dry-run
examples-undo =
    cms undo 12
    cms undo 12..14 --dry-run
examples-export =
    cms export > backup.uci
    cms export network --format yaml
    cms export --at 12 --json
examples-import =
    cms import < backup.uci
    cms import network -f network.json --format json
    cms import --merge -f more.yaml --dry-run
    cms import --format uci /mnt/old/config    (all packages of another directory)
    cms import app -f .env --fit-names
    cms import hosts -f hosts.csv --type host --name-column name
    etcdctl get --prefix /config -w json | cms import --format etcd --prefix /config
    consul kv export app/ | cms import --format consul --dry-run
examples-backup =
    cms backup /mnt/monday.cms
    cms backup /mnt/tuesday.cms --since /mnt/monday.cms
    cms backup --verify /mnt/monday.cms /mnt/tuesday.cms
    cms backup - | ssh attic 'cat > gateway.cms'
examples-restore =
    cms restore monday.cms --dry-run
    cms restore monday.cms tuesday.cms
    cms restore monday.cms --at 12
    cms -c /srv/config restore monday.cms
examples-compact =
    cms compact --keep-commits 1000 --keep-age 90d
    cms compact --keep-age 30d --max-size 64M --always
examples-health =
    cms health
    cms health --json
    cms -q health || logger 'look at the configuration'
examples-doctor =
    cms doctor
    cms doctor --json
examples-memory =
    cms memory
    cms memory check
    cms memory defrag
    CMS_SEGMENT_LIMIT=2G cms memory
examples-bench =
    cms bench
    cms bench --seconds 20 --json
examples-shell =
    cms shell
    cms shell -f changes.cms             (a script: it ends at the first error)
    printf '%s\n' begin 'set network.lan.mtu=1492' 'commit -m PPPoE' | cms shell
examples-completion =
    source <(cms completion bash)
    source <(cms completion zsh)
    cms completion fish > ~/.config/fish/completions/cms.fish
examples-__candidates =
    cms __candidates -- get network.
examples-__bench =
    cms __bench echo
examples-__guard =
    cms __guard
examples-__man =
    cms __man target/man

## What the arguments mean

get-key = The option, or the section whose type to print
get-default = Where the option is not set, print the default that its schema gives
show-key = A package, a section or an option; without it, everything
show-default = Also show the options that are not set, with the defaults that their schemas give
list-key = A package or a section; without it, the packages are listed
memory-action = What to do: stats, map, defrag or check
search-pattern = A text to be found anywhere; with * ? [ ] or { "{" }{ "}" }, a glob over the whole key or value
search-regex = PATTERN is a regular expression
search-ignore-case = Small and capital letters are the same
search-keys = Search keys only
search-values = Search values only
set-words = What to set; several are set together or not at all
add-package = The package
add-type = The type of the new section
add-list-words = The list and the item to append
del-list-words = The list and the item to remove, wherever it is
delete-words = What to delete; KEY=N deletes the N-th item of a list, counted from 0
rename-words = The section or option and its new name
reorder-words = The section and its place among all, counted from 0; a negative one means first
batch-dry-run = Only check that all commands would succeed
changes-package = The package; without it, all
changes-diff = Show how the package files would change
revert-key = The package, section or option
validate-names = Packages, or files, which have a slash in their name; without any, all packages
validate-as = Check the file as this package, whatever the file is called
validate-limit = Show at most so many findings
validate-deny-warnings = End with exit code 4 if there are warnings, too
explain-what = A code such as CMS0101, or an option or a section; without it, all codes are listed
action-module-list = List the modules: which version, for which packages, from which file
action-module-show = Show what a module says of itself, and what is wrong with it
action-module-add = Check a schema and register it
action-module-remove = Take a module away
module-name = The name of the module
module-file = The file with the schema; - for stdin
module-force = Also in the place of a newer version
action-schema-show = Show the types of a package, the options of a type, or all about an option
action-schema-infer = Draft a schema from packages or files that there are
action-schema-export = Print a schema as JSON Schema, or with --format uci as it was written
action-schema-import = Make a schema of a JSON Schema
schema-key = The package, and in it a section type, and of that an option
schema-infer-names = Packages, or files, which have a slash in their name
schema-infer-as = All of them are examples of this package
schema-add = Register it in place of printing it
schema-export-package = The package, or the module if several are for it
schema-import-file = The file with the JSON Schema; - for stdin
schema-import-as = The package that it is for; else the title of the document or the name of the file
action-schema-check = Say what is wrong with schemas, with place and caret
schema-files = Files with schemas; - for stdin
action-schema-status = Show which version the data of modules has, and which migrations are to come
action-schema-plan = Show what a migration would change, step by step; nothing is changed
action-schema-migrate = Bring the data of modules to the version of their schema, in one commit
action-schema-rollback = Take the migration of a module's data back
schema-version-module = The module; without it, all whose data is of an earlier version
schema-to = Go to this version; else to that of the schema
schema-from = The data has this version, where it does not say so itself
schema-back-to = Go back to this version; else to the one before
schema-plan-back = Show what a rollback would change
commit-package = The package; without it, all
commit-adopt-uci = First take over what uci has staged in its folder (default: /tmp/.uci)
confirm-token = What commit --confirm printed; not needed while only one is pending
confirm-cancel = Roll back now
confirm-list = Show what is pending, and what became of the last ones
confirm-expire = Roll back what is due; for the start of the system
history-key = A package, a section or an option; without it, everything
history-limit = At most so many commits
history-since = Only commits after this revision or time
history-until = Only commits up to this revision or time
watch-pattern = Keys with the wildcards * (one part) and ** (any number of parts); a key alone stands for all below it; without any, everything
watch-since = Begin with the commits after this revision or time, not with the next one
watch-cursor = Go on where the reader of this name was, and note how far it has come
watch-exec = Run this command once for each commit: CMS_REVISION, CMS_AUTHOR and CMS_KEYS in the environment, the events as JSON lines on its input
watch-count = End after so many commits
trigger-action = status: which trigger was run for which revision; run: run those for which something was committed
trigger-since = A trigger that never ran begins with the commits after this revision or time
trigger-detach = Leave the terminal; for the process that a commit starts
diff-from = The older state: a revision, head~N, or a time; without it, the head against what you have staged
diff-to = The newer state; without it, the head
diff-key = Only what is below this key
diff-exit-code = End with exit code 10 if there are changes
blame-key = A package, a section or an option
rollback-revision = The revision, head~N, or a time
rollback-key = Only what is below this key
undo-revisions = The commit, or the first and the last of several
export-package = The package; without it, all
import-package = The name for the package, whatever it is called in the text; with a / in it, the file or directory to read
import-merge = Stage what is new or different in place of replacing the packages
import-dry-run = Change nothing; show how the package files would change, and what schemas say of it
import-package-option = The package that all becomes, as PACKAGE
import-prefix = Only the keys below this one, without it (etcd, consul)
import-type = The type of sections whose type the text does not say (default: that of the section there is, else section)
import-section = The section of keys that are in none (ini, env; default: main)
import-name-column = The column with the names of the sections (csv)
import-separator = What separates the fields: a character, or tab (csv; default: a comma)
import-inline-comments = Whether ; and # behind a value begin a comment: yes or no (ini; without it, such lines are refused)
import-fit-names = Make _ of each character that no name may have
backup-file = The file, or - for stdout; with --verify, the files in order
backup-since = Only what came after this revision, or after that backup; name a file like a number as ./12
backup-verify = Write nothing; read these backups and check every byte
restore-file = A whole backup, and those that continue it, in order; - for stdin
restore-at = Restore the state of this revision or time
restore-replace-history = Put the history of the backup in the place of the store's own
restore-yes = Do it even if the store's history is lost, or the backup is of another store
shell-keep-going = In a script, go on after an error; the exit code is that of the first one
shell-no-history = Neither read nor keep the lines of earlier shells
compact-keep-commits = Keep at least so many of the newest commits
compact-keep-age = Keep at least the commits of this time: 12h, 90d, 8w; with --keep-commits, what either of them asks for
compact-max-size = Keep no more than so much of the log on disk, whatever the others ask for: 64M, 1G
compact-always = Let the log keep just that by itself from now on
compact-dry-run = Say how many commits would be given up (for a size: about how many at most), and give up none
compact-show = Say what the log keeps by itself
compact-standard = Let the log keep by itself what it keeps where nothing is said: 100,000 commits and 30 days in 1 GiB
bench-seconds = For how long to measure, from 1 to 600 s (default: 3)
bench-does = What to do: echo or watch
completion-shell = bash, zsh or fish
candidates-words = The words typed so far
guard-descriptors = The descriptors to be closed
man-folder = The directory for the pages

option-config = The configuration directory (default: /etc/config)
option-state-dir = Where the log and the staged changes are kept (CMS_STATE_DIR)
option-run-dir = Where locks and sockets are kept (CMS_RUN_DIR)
option-quiet = No messages, errors included: only data and the exit code
option-verbose = Log to stderr what is done; twice for more (CMS_LOG)
option-json = Print JSON for programs
option-format = The format of the output: table for people; export and import: uci, json, yaml, toml; import also: ini, env, sysctl, csv, etcd, consul; diff: uci, unified, table
option-color = When to use colours: auto, always or never (NO_COLOR, FORCE_COLOR)
option-no-pager = Do not page long output
option-delimiter = What stands between the items of a list
option-file = Read from this file instead of from stdin
option-name-sections = Export anonymous sections with their generated names
option-no-names = Export anonymous sections without names (the default)
option-show-generated = Show anonymous sections by their generated names
option-strict = Refuse text with errors (the default)
option-lenient = Skip lines with errors; the call is then one of uci
option-save = Stage in this folder, as uci does; the call is then one of uci
option-save-only = As -t, and commit does nothing
option-search = Also read what is staged in this folder; the call is then one of uci
option-override = A folder with packages that take precedence; the call is then one of uci
option-help = Show this help
option-at = Read the state of this revision or time
option-message = Why, for the history
option-dry-run = Only say what would be committed
option-validate = What schemas do with this commit, whatever they say themselves: off, warn or enforce
option-no-validate = The same as --validate off
option-confirm = Roll back by itself unless confirmed in this time: 90s, 5m, 1h
option-probe = A shell command whose success confirms; repeated until then
option-join = Confirm or roll back together with what is pending under this token
option-force = Also where the log does not survive a reboot

## Titles of tables

title-action = Action
title-author = Author
title-changes = Changes
title-items = Items
title-key = Key
title-message = Message
title-new = New
title-old = Old
title-option = Option
title-options = Options
title-package = Package
title-segment = Segment
title-entries = Entries
title-payload = Keys and values
title-live = In use
title-garbage = Garbage
title-figure = What
title-median = Median
title-99 = 99 of 100 within
title-limit = The limit that the machine sets
title-limit-median = Median
title-ratio = Ratio
title-revision = Revision
title-section = Section
title-sections = Sections
title-time = Time
title-type = Type
title-value = Value
title-count = How many
title-default = Default
title-description = Description
title-faults = Faults
title-file = File
title-mode = Mode
title-module = Module
title-names = Names
title-packages = Packages
title-rules = Rules
title-data = Data
title-pending = To come
title-schema = Schema
title-version = Version

## Wrong calls

unknown-verb = there is no command `{ $name }`
unknown-option = there is no option `{ $name }`
extra-word = `{ $name }` is a word too many for `{ $verb }`
missing-words = `{ $verb }` lacks { $names }
missing-value = `{ $name }` lacks its value
invalid-value = `{ $value }` is not possible for { $name }
not-together = { $name } and { $other } exclude each other
wrong-words = this is not how `{ $verb }` is called
missing-action = `{ $verb }` lacks what it is to do
unknown-action = `{ $name }` is nothing that `{ $verb }` can do
unknown-format = there is no format `{ $format }` here
one-of = one of: { $names }
first-at = the first is at { $place }
did-you-mean = did you mean `{ $name }`?
see-help = `cms help` shows the commands
see-help-of = `cms help { $verb }` shows how it is called
not-a-uci-verb = `{ $verb }` is no command of uci, and -t, -P, -p, -C and -S make this a call of uci
not-a-uci-option = `{ $option }` is no option of uci, and -t, -P, -p, -C and -S make this a call of uci
not-a-number = `{ $text }` is not a number
not-a-revision = `{ $text }` is no revision and no time
revision-hint = a revision is a number, head, or head~N; a time is written 2026-11-22T14:00:00Z, or like 2h ago, yesterday 14:00

## Keys and values

invalid-key = invalid key `{ $key }`: { $reason }
invalid-name = invalid name `{ $name }`: { $reason }
name-byte = `{ $byte }` is not allowed in { $what }
name-empty = { $what } is missing
name-wrong = it is no name
what-package = the name of a package
what-type = a type
what-name = the name of a section or option
package-hint = names of packages are made of visible ASCII characters without `.` and `/`
type-hint = types are made of visible ASCII characters
name-hint = names of sections and options are made of letters, digits and `_`
key-no-index = `{ $part }` has no index in brackets at its end
key-bad-index = the index in `{ $part }` is not a number
key-too-many-parts = it has more than three parts
key-index-hint = write @TYPE[N] for the N-th section of a type, counted from 0, or from the end with -1
key-shape-hint = a key is PACKAGE, PACKAGE.SECTION or PACKAGE.SECTION.OPTION
value-not-wanted = no value is wanted behind `{ $key }`
value-missing = `{ $key }` lacks `=` and a value
value-control-byte = the value for { $key } holds a control character
value-control-byte-hint = values hold text, tabs and line ends; write other bytes as base64 or hex
section-missing = `{ $key }` names a package, where a section is wanted
section-wanted = `{ $verb }` wants a section, and { $key } is an option
option-missing = `{ $key }` names a section, where an option is wanted
package-wanted = `{ $key }` is more than the name of a package
get-package = `{ $key }` is a package, which has no value
get-package-hint = `cms show { $package }` shows what is in it
list-option = nothing is below the option { $key }
delete-package = `{ $package }` is a package: its sections can be deleted, it cannot
delete-package-hint = remove its file from the configuration directory to delete a package

## Not found

no-package = there is no package `{ $name }`
no-package-hint = `cms import { $name } </dev/null` makes it
no-section = there is no section `{ $section }` in package { $package }
no-option = there is no option { $key }
no-item = list { $key } has no item number { $index }
no-revision = there is no revision { $revision }
no-directory = there is no configuration directory { $folder }
no-directory-hint = name one with -c DIR
no-log = { $folder } has no log yet, so it has no history
key-not-found = there is no { $key }
sections-of-type = { $count ->
    [one] there is one section of type { $kind }: @{ $kind }[0]
   *[other] there are { $count } sections of type { $kind }, counted from 0
}
sections-in-all = { $count ->
    [one] there is one section
   *[other] there are { $count } sections, counted from 0
}
search-nothing = nothing matches `{ $pattern }`
search-bad-pattern = `{ $pattern }` is no valid pattern

## Nothing happened

set-same = { $key } is so already: nothing was changed
set-empty-absent = there is no { $key }: nothing was deleted
del-list-absent = the list { $key } has no such item: nothing was removed
rename-same = { $key } is called { $name } already: nothing was changed
reorder-same = { $key } is at that place already: nothing was changed
revert-nothing = nothing was staged at { $key }
changes-none = nothing is staged
commit-nothing = nothing was staged, so nothing was committed
import-nothing = the text is empty: nothing was imported
history-nothing = no commit touched this
history-begins = the log keeps no commits before revision { $first }
watch-compacted = the log no longer has the commits after revision { $after }: take the state of revision { $resume } (--at { $resume }); what follows comes after that
watch-exec-failed = the command for revision { $revision } failed ({ $reason }): { $command }
watch-stopped = the log cannot be read any more: { $reason }
trigger-none = there are no triggers; they are sections of the type trigger in the package cms (cms help trigger)
trigger-never = never run
trigger-current = current
trigger-behind = behind
trigger-broken = failed: { $reason }
trigger-done = trigger { $trigger } was run for revision { $revision }
trigger-failed = trigger { $trigger } failed for revision { $revision }: { $reason }; the next `cms trigger run` tries again
trigger-not-started = the commit is made, but its triggers could not be started ({ $reason }): run `cms trigger run`
trigger-no-name = a trigger of the package cms has no name: give its section one (cms rename)
trigger-no-option = cms.{ $trigger } lacks an option: { $option }
trigger-bad-option = cms.{ $trigger }.{ $option } cannot be used: { $value }
title-trigger = trigger
title-state = state
title-does = does
bad-pattern = the pattern { $pattern } cannot match: { $reason } at position { $place }
bad-pattern-hint = a pattern is up to three parts with dots between them, as network.*.mtu or network.**

## Changing

edit-refused = { $key } cannot be changed like this
key-exists = there is a { $key } already
key-invalid = { $key }: { $reason }
commit-base-gone-hint = what is staged was made on a state that is gone, and the same has been changed since: `cms changes` shows it, `cms revert PACKAGE` drops it
commit-done = committed { $changes } to { $packages } as revision { $revision }
commit-planned = would commit { $changes } to { $packages }
commit-adopted = { $count ->
    [one] took over 1 change that was staged with uci
   *[other] took over { $count } changes that were staged with uci
}
adopt-refused = the folder { $file } of uci belongs to user { $owner }, whom this call does not trust
adopt-skipped = { $count ->
    [one] 1 change staged with uci in package { $package } does not fit and was left out
   *[other] { $count } changes staged with uci in package { $package } do not fit and were left out
}
changes-uci = uci has staged changes in { $folder } ({ $packages }): `cms commit --adopt-uci` takes them over
changes-stale = { $package }: somebody committed changes that contradict yours; commit will say which, revert drops yours
batch-line = line { $line }: { $error }
batch-unreadable = the line cannot be read
batch-verb = `{ $verb }` cannot be part of a batch
batch-verb-hint = a batch is made of set, add, add_list, del_list, delete, rename, reorder, get, show, commit and exit
batch-staged = package { $package } has staged changes from before, which this batch would commit with its own
batch-staged-hint = commit or revert them first, or leave `commit` out of the batch
batch-no-commit = there is nothing to confirm: no line of the batch commits
batch-no-commit-hint = end it with a line `commit`, or leave --confirm out
batch-checked = all commands of the batch would succeed

## Commits that have to be confirmed

confirm-armed = it is rolled back at { $time } unless it is confirmed: { $command }
confirm-joined = together with what was pending: { $revisions } are confirmed or rolled back as one, to revision { $restore }
confirm-still = this confirms nothing: { $revisions } will be rolled back at { $time } unless confirmed: { $command }
confirm-confirmed = { $revisions } confirmed at { $time }
confirm-proven = { $revisions } confirmed by the probe at { $time }
confirm-cancelled = { $revisions } cancelled and rolled back at { $time } ({ $undone })
confirm-expired = { $revisions } ROLLED BACK at { $time } ({ $undone }): not confirmed in time
confirm-rebooted = { $revisions } ROLLED BACK at { $time } ({ $undone }): the machine was restarted before they were confirmed
confirm-kept = NOT rolled back, as later commits changed the same or the file cannot be read: { $keys }
confirm-overdue = { $revisions } should have been rolled back, and could not be: `cms confirm --expire` says why
confirm-probe-failed = the probe failed: { $failure }
confirm-until = until { $time } ({ $left } s left)
confirm-probe = probe: { $probe }
confirm-unguarded = no guardian
confirm-none = nothing awaits confirmation
confirm-nothing-due = { $folder }: nothing is due
confirm-unknown = nothing called { $token } awaits confirmation
confirm-several = several commits await confirmation; name one: { $tokens }
confirm-settled = too late: { $outcome }
confirm-list-hint = `cms confirm --list` shows what is pending
confirm-undo-hint = `cms undo REV` reverses a commit that was confirmed
confirm-again-hint = `cms history` shows the rollback; to have it nevertheless, undo the rollback
confirm-no-survival = the log { $file } lies on { $kind }, which does not survive a reboot: nobody would roll back then
confirm-no-survival-hint = keep the log on a disk (--state-dir, CMS_STATE_DIR), or arm it nevertheless with --force
confirm-window = `{ $text }` is no time to confirm a commit in
confirm-window-hint = write 90s, 5m, 1h, or seconds; from 1s to 24h
guardian-failed = the guardian that would roll back cannot be started; nothing was committed

## Importing

import-staged = { $count ->
    [0] the packages have all of this already: nothing was staged
    [one] staged 1 change
   *[other] staged { $count } changes
}
import-would-stage = { $count ->
    [0] the packages have all of this already: nothing would be staged
    [one] would stage 1 change
   *[other] would stage { $count } changes
}
import-directory = { $source } is a directory, which can hold packages in UCI text only
import-not-for = { $option } is not for the format { $format }
import-only-for = it is for: { $formats }
import-looks-like = this looks like a dump: --format { $format }
import-no-package-option = name it: `cms import PACKAGE` or `--package PACKAGE`
import-no-type = { $source } does not say of which type its rows are
import-no-type-hint = name it: `--type TYPE`
import-separator-hint = a separator is one ASCII character other than `"`, or the word tab
import-refused = { $source } cannot be taken over from { $format }, and nothing of it was
import-others = { $count ->
    [one] 1 entry of the directory is no package and was left out
   *[other] { $count } entries of the directory are no packages and were left out
}
import-outside = { $count ->
    [one] 1 key is not below `{ $prefix }` and was left out
   *[other] { $count } keys are not below `{ $prefix }` and were left out
}
import-empty = { $count ->
    [one] 1 value is empty: that option is not there
   *[other] { $count } values are empty: those options are not there
}
import-marked = { $count ->
    [one] 1 key has a lease or flags, which UCI has no place for
   *[other] { $count } keys have a lease or flags, which UCI has no place for
}
import-variables = { $count ->
    [one] 1 value holds a variable such as $HOME, which is not expanded
   *[other] { $count } values hold variables such as $HOME, which are not expanded
}
import-unparsable = { $source } is not valid UCI text
import-no-package = { $source } does not say which package it is
import-no-package-hint = name it: `cms import PACKAGE`, or begin the text with a line `package NAME`
import-wrong-format = { $source } cannot be read as { $format }: { $cause }
import-version = { $source } has version { $version } of the shape, which this program does not know
import-place = { $source }, at { $place }: { $cause }
import-not-one = { $count ->
    [0] { $source } holds no package, and a name for one is given
    [one] { $source } holds one package
   *[other] { $source } holds { $count } packages, and a name for one is given
}
import-twice = { $source } holds package { $package } twice

## The shell

shell-welcome = shell for { $folder }: `help` shows the commands, Tab completes, Ctrl-D leaves; a line behind a blank is not kept in the history
shell-terminal = the terminal cannot be used
shell-history = the history cannot be kept in { $file }: { $reason }
shell-see-help = `help` shows the commands
shell-not-here = `{ $verb }` cannot be called from within the shell
shell-open-already = a transaction is open already
shell-not-open = no transaction is open
shell-begin-first = `begin` opens one
shell-end-first = `commit` or `abort` the open transaction first
shell-savepoint = savepoint { $name }
shell-no-savepoint = there is no savepoint { $name }
shell-aborted = { $count ->
    [0] the transaction had no changes
    [one] { $count } change was dropped
   *[other] { $count } changes were dropped
}
shell-still-open = { $count ->
    [one] the open transaction has { $count } change: commit or abort it; leaving once more drops it
   *[other] the open transaction has { $count } changes: commit or abort it; leaving once more drops them
}
shell-dropped = { $count ->
    [one] the transaction was not committed: { $count } change was dropped
   *[other] the transaction was not committed: { $count } changes were dropped
}
shell-no-changes = the transaction has no changes
shell-not-in-transaction = `{ $verb }` is not possible in an open transaction, for it would not be part of it
shell-changes-hint = `changes` shows what the transaction changes; name the revisions to compare others
shell-other-store = another store cannot be used in an open transaction
shell-commit-whole = a transaction is committed as a whole, and without what is staged
shell-conflict-hint = the transaction is still open: `changes` shows what it changes, `get KEY --at head` what is committed; `rollback to SAVEPOINT` or `abort`, then set again what is still wanted
shell-help =
    Only in the shell
      begin                 open a transaction: edits are made in it, and reads see them
      savepoint [NAME]      mark the changes made so far
      rollback to NAME      take back what was changed since a savepoint
      commit [-m TEXT]      commit the transaction; without one, what is staged
      abort, rollback       end the transaction without a change
      help [COMMAND]        show all commands, or how one is called
      exit, Ctrl-D          leave
    The prompt counts what is staged, cms(2)>, or changed in the open transaction, cms(+2)*>.
    After a commit that was refused it is cms(+2)!>.

shell-help-begin =
    begin: open a transaction on the newest state
      Edits are made in it and not staged; get, show, list, search and export see them.
      `commit` makes them one revision, `abort` drops them.
shell-help-savepoint =
    savepoint [NAME]: mark the changes made so far; without a name, they are counted
      `rollback to NAME` goes back to it.
shell-help-rollback-to =
    rollback to NAME: take back what was changed in the open transaction since a savepoint
      `rollback` alone ends the transaction, as `abort` does.
shell-help-abort =
    abort: end the open transaction without a change
shell-help-help =
    help [COMMAND]: show all commands, or how one is called
shell-help-exit =
    exit: leave the shell; also Ctrl-D
shell-help-commit =
    In an open transaction, `commit` commits it, without what is staged. If it is refused, it stays open.

## Files, rights and the log

file-failed = cannot use { $file }
output-failed = cannot write the output
io-failed = cannot { $attempt } { $file }
attempt-read = read
attempt-write = write
attempt-open = open
attempt-list = list
attempt-list-the-modules-in = list the modules in
attempt-read-the-module = read the module
attempt-lock = lock
attempt-look-at = look at
attempt-open-the-lock = open the lock
attempt-create-the-directory = create the directory
attempt-give-to-its-owner = give to its owner
attempt-keep-a-rejected-edit-in = keep a rejected edit in
attempt-put-in-place = put in place
attempt-read-the-staged-changes-in = read the staged changes in
attempt-remove-the-staged-changes-in = remove the staged changes in
attempt-remove = remove
attempt-replace = replace
attempt-stage-in = stage in
attempt-sync = sync
attempt-sync-the-directory = sync the directory
package-unparsable = package { $package } does not parse
package-unparsable-hint = mend the lines; other packages are not affected
conflict = { $keys } was changed by { $author } in revision { $revision } too; nothing was committed
conflict-hint = `cms changes` shows your changes, `cms revert KEY` drops them; then set again what is still wanted
undo-conflict-hint = `cms history KEY` shows what was built on it; undo that first, or set the value by hand
not-owner = { $folder } belongs to user { $owner }: only that user and root may change it or read its history
not-owner-hint = a running cmsd commits for others
untrusted = { $file } belongs to user { $owner } and is not trusted
no-home = user { $user } owns the configuration directory and has no home directory
no-home-hint = set CMS_STATE_DIR
stage-damaged = the staged changes in { $file } are damaged at byte { $offset }
stage-damaged-hint = move { $file } away to begin anew; what was committed is not affected
files-pending = revision { $revision } is committed, but its package files could not be written yet
files-pending-hint = the next command writes them; `cms doctor` checks
log-full = the disk is full: nothing was committed
log-denied = the log may not be written
log-busy = another process has held the log for too long; try again
log-damaged = the log is damaged
log-damaged-hint = `cms doctor` tells how far, and what to do
log-no-revision = the log does not have that revision
log-compacted-hint = the states from revision { $first } on can be read; `cms compact --show` says what the log keeps by itself
log-moved = somebody else committed at the same time; try again
log-failed = the log cannot be used
transaction-expired = transaction { $transaction } was to be committed within { $limit }; nothing was committed
transaction-expired-hint = begin it again, or give it more time
too-many-subscribers = the topic { $topic } has { $limit } subscribers, as many as it may have
too-many-subscribers-hint = end one of them, or raise the limit of the program that subscribes
failed = the call failed
internal = this should not happen: please report it
warning-unparsable = package { $package } does not parse; shown as it was when it last did
warning-newer = the file of package { $package } is newer than the log
warning-lost-edit = { $count ->
    [one] 1 change made by hand to package { $package } contradicts a commit and is kept in revision { $revision } only
   *[other] { $count } changes made by hand to package { $package } contradict a commit and are kept in revision { $revision } only
}
warning-unreadable = package { $package } cannot be read: { $reason }
warning-other = { $words }
doctor-well = { $folder }: all is well
doctor-log-notice-advice = nothing
doctor-log-history-advice = the newest state is whole; older ones cannot all be read. Look at the disk, then move log.db away to begin a new log from the package files
doctor-log-head-advice = the package files are whole if they are listed without a fault: move log.db away, and the next command begins a new log from them
doctor-no-log = there is no log: no history, and edits cannot be undone
doctor-no-log-advice = any change through cms makes one; check that the state directory can be written
doctor-not-owner = you are not its owner (user { $owner }), so the log was not checked
doctor-not-owner-advice = run this as the owner or as root
doctor-state-open = others may enter it (mode { $mode })
doctor-state-open-advice = chmod 700 it: the log holds every value that ever was
doctor-state-owner = it belongs to user { $owner }, the configuration to user { $expected }
doctor-state-owner-advice = chown -R it to the owner of the configuration directory
doctor-package-unreadable = package { $package } cannot be read: { $reason }
doctor-package-unreadable-advice = cms doctor tells how far the log is damaged, and what to do
doctor-pending-unknown-advice = nothing is rolled back by itself; undo by hand what was not confirmed
doctor-overdue = revision { $revisions } was not confirmed and is not rolled back yet ({ $tokens })
doctor-overdue-advice = cms confirm --expire rolls it back, or says why it cannot
doctor-awaiting = revision { $revisions } awaits confirmation ({ $tokens })
doctor-awaiting-unguarded = revision { $revisions } awaits confirmation, and no guardian is there ({ $tokens })
doctor-awaiting-advice = cms confirm keeps it, cms confirm --cancel rolls it back
doctor-cut-short = a replacement was cut short
doctor-cut-short-advice = the next command that reads this package finishes it
doctor-behind = the file is older than the log
doctor-behind-advice = any cms command writes it; if it stays, check the rights of the directory
doctor-edited = the file was changed by another program
doctor-edited-advice = the next cms command brings the change into the log
doctor-unparsable = the file does not parse: { $fault }
doctor-unparsable-advice = mend the line; until then the package is read as it last was, and nothing is committed to it
doctor-file-unreadable-advice = check the rights of the file
health-log = revision { $revision }, its newest state can be read
health-files = { $count ->
    [one] { $count } package file is in step with the log
   *[other] { $count } package files are in step with the log
}
health-segment = at revision { $revision }, as the log
health-segment-old = the segment is at revision { $segment }, the log at { $head }
health-segment-advice = the next read brings it up to the log
health-segment-none = there is no segment, so values are read from the log: { $reason }
health-segment-none-advice = check the rights and the free room of { $folder }
health-triggers = { $count ->
    [0] there are none
    [one] { $count } trigger has done what it has to do
   *[other] { $count } triggers have done what they have to do
}
health-trigger-failed = trigger { $trigger } failed after revision { $revision }: { $reason }
health-trigger-behind = trigger { $trigger } was last run for revision { $revision } and has something to do
health-trigger-run = `cms trigger run` tries again
health-trigger-mend = mend the section in the package cms
health-room = { $free } MiB are free where there is least
health-room-little = only { $free } KiB are free in { $folder }
health-room-files = no more files can be made in { $folder }
health-room-advice = make room: `cms compact` shortens the history, `cms memory defrag` the segment
health-staged = { $count ->
    [one] you have { $count } change staged
   *[other] you have { $count } changes staged
}
health-staged-advice = `cms changes` shows them, `cms commit` commits them, `cms revert PACKAGE` drops them
health-uci = uci has staged changes in { $folder }: { $packages }
health-uci-advice = `cms commit --adopt-uci` takes them over, `uci revert PACKAGE` drops them
health-doctor = `cms doctor` looks deeper
compact-nothing-said = nothing says what to keep; nothing was given up
compact-nothing-said-hint = `cms compact --keep-commits 1000` keeps the newest, `--keep-age 90d` what is younger
compact-age = `{ $text }` is no age
compact-age-hint = write 12h, 90d or 8w
compact-size = `{ $text }` is no size
compact-size-hint = write 64M or 1G
compact-would = { $count ->
    [one] would give up one commit
   *[other] would give up { $count } commits
}
compact-would-about = { $count ->
    [one] would give up about one commit at most
   *[other] would give up about { $count } commits at most
}
compact-full = the disk has too little room for compacting the log
compact-full-hint = make some room and call it again: it goes on where it stopped, and no state that was to be kept is lost
compact-done = { $count ->
    [one] gave up { $count } commit; the log took { $before } bytes and takes { $after }
   *[other] gave up { $count } commits; the log took { $before } bytes and takes { $after }
}
bench-get = read a value by its key
bench-get-limit = a hash table in the process
bench-handle = read a bound key
bench-handle-limit = one look at a word in memory
bench-commit = durable commit of one option
bench-commit-limit = write and fdatasync of 4 KiB
bench-files = the same, with the package file
bench-wake = from commit to event in another process
bench-wake-limit = fdatasync, and a byte through a pipe
bench-meaning = measured on a store of its own beside { $folder }, which is gone now; the last column says how many times the limit something takes: what is near 1 only a faster disk or machine can make faster, and on a disk that does not wait for its medium the commits stand out more
bench-failed = the measurement could not be made
bench-folder-hint = it makes a store of its own beside yours: name a folder that you may write with --state-dir
memory-shared = (shared)
memory-map = { $segment }: { $bytes } bytes a character; H header, I index, S symbols, # content, . free or no longer in use
memory-defragmented = { $before } bytes became { $after }
memory-well = the segment is sound
memory-none-setting = there is no segment: the packages have { $text } bytes of text, and it is made for { $limit } at most; values are read from the log
memory-none-room = there is no segment: the packages have { $text } bytes of text, and the free room in the runtime directory is enough for { $limit }; values are read from the log
memory-none-memory = there is no segment: the packages have { $text } bytes of text, and the available memory is enough for { $limit }; values are read from the log
memory-none-hint = CMS_SEGMENT_LIMIT sets how much text it is made for, such as 2G, the same for all who use the store

## History

kind-external = edited by another program
kind-import = imported
progress-import = import
progress-commit = { $count ->
    [one] 1 option
   *[other] { $count } options
}
progress-backup = backup
progress-verify = verify
progress-restore = restore
backup-done = { $file }: revision { $last } of { $place }, { $commits ->
    [one] { $commits } commit
   *[other] { $commits } commits
    } after revision { $after }, { $bytes } bytes, { $time }
backup-sound = { $file } is sound: revision { $last } of { $place }, { $commits ->
    [one] { $commits } commit
   *[other] { $commits } commits
    } after revision { $after }, { $bytes } bytes, { $time }
backup-one-file = a backup goes into one file
backup-base-gone-hint = the log no longer leads on from there: make a whole backup, which later ones can continue: cms backup FILE
backup-overtaken-hint = what it was to hold was given up while it was written: make it again, best to a file
backup-one-file-hint = several are for --verify: cms backup --verify FILE...
backup-terminal = a backup is not for a terminal
backup-terminal-hint = name a file, or send it on: cms backup - | ssh HOST 'cat > FILE'
backup-failed = the backup { $file } could not be written or read
backup-none = { $file } is not a backup of cms; nothing was changed
backup-newer = { $file } has format version { $found }, this program knows versions up to { $known }; nothing was changed
backup-newer-hint = use the version of cms that wrote it, or a newer one
backup-unfinished = { $file } ends at byte { $offset }, before its end: it was not finished or has been cut; nothing was changed
backup-damaged = { $file } is damaged at byte { $offset }: { $what }; nothing was changed
backup-damaged-hint = copy it again from where it was made, or use another; `cms backup --verify FILE` tells whether one is sound
backup-not-next = { $file } continues a backup that ends with revision { $revision }; nothing was changed
backup-not-next-hint = name the backups in order, a whole one first: cms restore WHOLE NEXT...
backup-whole-later = { $file } is a whole backup and continues no other; nothing was changed
backup-other-store = { $file } is the backup of another store; nothing was changed
backup-other-store-hint = `cms restore --yes` restores it all the same, as a commit that can be undone
backup-other-history = the log has another revision { $revision } than { $file }
backup-other-history-hint = make a whole backup, without --since
restore-not-sure = --replace-history gives up the history of the store, and what is staged; nothing was changed
restore-not-sure-hint = add --yes to do it, or --dry-run to see what would change
restore-planned = would restore revision { $revision } with its history
restore-done = restored { $count ->
    [one] { $count } package
   *[other] { $count } packages
    } and their history up to revision { $revision }
kind-rollback = rolled back to revision { $revision }
kind-undo = undid revision { $revision }
kind-undo-range = undid revisions { $from } to { $to }
blame-older = older than the log

## Faults in UCI text, by their code

diagnostic-no-value = a key without a value
diagnostic-no-key = the key is missing
diagnostic-foreign-name = this cannot be the name of a section or an option
diagnostic-foreign-type = this cannot be the type of a section
diagnostic-foreign-package = this cannot be the name of a package
diagnostic-short-key = the key has too few parts to name an option
diagnostic-empty-part = a part of the key is empty
diagnostic-key-twice = this is there a second time
diagnostic-bad-header = this is no header of a section
diagnostic-after-quote = a word behind the quotes
diagnostic-bad-escape = this is not known behind a backslash
diagnostic-unclear-comment = a comment, or a part of the value
diagnostic-continued-line = a line that goes on, or ends with a backslash
diagnostic-utf-16 = the text is UTF-16
diagnostic-field-count = the row has not as many fields as the first
diagnostic-no-column = the first row has no such column
diagnostic-quote-in-field = a quote within a field without quotes
diagnostic-bad-base64 = this is no base64
diagnostic-part-of-dump = the dump is not whole
diagnostic-invalid-command = invalid command
diagnostic-missing-word = a word is missing
diagnostic-extra-word = a word too many
diagnostic-invalid-type = a type cannot have this character
diagnostic-invalid-name = a name cannot have this character
diagnostic-option-before-section = option or list before the first section
diagnostic-type-mismatch = a section of this name exists with another type
diagnostic-unterminated-quote = the text ends within quotes
diagnostic-missing-package = no line says which package this is
diagnostic-nul-byte = a NUL byte
advice-no-value = write KEY = VALUE
advice-no-key = write KEY = VALUE
advice-foreign-name = names are made of letters, digits and `_`; --fit-names makes `_` of the others
advice-foreign-type = types are made of visible ASCII characters; --fit-names makes `_` of the others
advice-foreign-package = --package PACKAGE puts all into one; --fit-names makes `_` of the characters that it may not have
advice-short-key = a key is PACKAGE/SECTION/OPTION, or with --package SECTION/OPTION
advice-empty-part = each part has a name
advice-bad-header = write [NAME] or [TYPE "NAME"]
advice-after-quote = put all of the value in quotes
advice-bad-escape = write \\ for a backslash, or take single quotes
advice-unclear-comment = put the value in quotes, or say --inline-comments yes or no
advice-continued-line = put the value in quotes and in one line
advice-utf-16 = convert it: iconv -f UTF-16 -t UTF-8
advice-field-count = a field with a separator in it is in quotes; --separator says another one
advice-no-column = --name-column names one of these
advice-quote-in-field = put the field in quotes, and double those in it
advice-bad-base64 = the dump is damaged: make it anew
advice-part-of-dump = make it without --limit
advice-invalid-command = a line begins with config, option, list or package
advice-missing-word = write config TYPE [NAME], option NAME VALUE or list NAME VALUE
advice-extra-word = put quotes around a value with blanks in it
advice-invalid-type = types are made of visible ASCII characters
advice-invalid-name = names are made of letters, digits and `_`
advice-option-before-section = begin with a line config TYPE [NAME]
advice-type-mismatch = give the section another name, or the same type
advice-unterminated-quote = the quote opened here is never closed
advice-missing-package = begin with a line package NAME, or name the package
advice-nul-byte = the file is damaged, or no text

## Schemas

refused = { $count ->
    [one] a schema does not allow this: nothing was committed
   *[other] schemas do not allow this, for { $count } reasons: nothing was committed
}
refused-hint = `cms explain { $code }` says more; what is staged stays staged; --validate warn commits it all the same
schema-invalid = { $count ->
    [one] the schema has an error and is not used
   *[other] the schema has { $count } errors and is not used
}
explain-hint = `cms explain { $code }` says more
explain-unknown = there is no code `{ $code }`
explain-what-hint = `cms explain` lists the codes; an option is PACKAGE.SECTION.OPTION
explain-from = From
explain-section = In section
explain-configured = configured
explain-staged = staged, not committed yet
explain-default = the default: it is not set
explain-default-staged = the default: unset, not committed yet
explain-absent = it is not set, and there is no default
explain-absent-staged = unset, not committed yet; there is no default
explain-secret = (secret)
explain-no-module = no schema knows it
explain-changed = Last changed
explain-unchanged = not in the history
explain-trigger = Trigger
schema-sound = { $count ->
    [one] { $file }: module { $module } { $version }, { $count } field, no fault
   *[other] { $file }: module { $module } { $version }, { $count } fields, no fault
}
schema-none = there is no schema for package { $package }
schema-infer-hint = `cms schema infer { $package }` drafts one
schema-no-type = there is no section type `{ $kind }` in the schemas for package { $package }
schema-no-option = there is no option `{ $option }` for sections of type { $kind }
schema-no-options = the schema declares no options for this type
schema-several = several modules are for package { $package }; name one
schema-embedded = the schema lies in package { $package } itself
schema-embedded-hint = `cms export { $package }` prints it with the package
schema-infer-several = one schema at a time can be printed
schema-infer-several-hint = --add registers each, --as PACKAGE takes all of them as examples of one package
schema-left-out = left out: { $what }
left-out-keyword = `{ $name }` is not taken over
left-out-format = the format `{ $name }` is not known
left-out-pattern = the pattern cannot be used: { $reason }
left-out-type = `{ $name }` is no section type
left-out-option = `{ $name }` is no name of an option
left-out-condition = the condition under which `{ $name }` is required cannot be said by a schema
left-out-absent = the condition also holds where `{ $name }` is not there, which is not taken over
left-out-reference = `{ $name }` leads nowhere in the document
schema-no-json = { $file } is no JSON: line { $line }, column { $column }
schema-import-empty = { $file } describes no section types: a package is an object of them
schema-import-unnamed = { $file } does not say which package it is for: name it with --as PACKAGE
schema-versions = module { $module }: from { $from } to { $to }
schema-step = { $count ->
    [one] { $step }: { $count } section
   *[other] { $step }: { $count } sections
}
schema-sql = { $count ->
    [one] { $statement }: { $count } row
   *[other] { $statement }: { $count } rows
}
schema-table-restored = { $count ->
    [one] table { $table } as it was: { $count } row
   *[other] table { $table } as it was: { $count } rows
}
schema-sql-failed = module { $module }: statement { $number } of the SQL to version { $version }: { $reason }
schema-sql-back-failed = module { $module }: statement { $number } of the SQL back from version { $version }: { $reason }
schema-sql-failed-hint = nothing was changed; the statement: { $statement }
schema-tables-changed = module { $module } is not rolled back: what version { $version } did to tables cannot be taken back, because they were changed since: { $tables }
schema-table-changed = { $table } in revision { $revision } by { $author }
schema-tables-forgotten = module { $module } is not rolled back: what version { $version } did to tables cannot be taken back, because the log has no state of version { $to }
schema-tables-hint = give the migration to { $version } `rollback_sql` that says how
schema-conflict = { $key }: { $reason }
schema-more-conflicts = { $count ->
    [one] and { $count } more
   *[other] and { $count } more
}
schema-conflict-taken = kept, because there is something else where it would go
schema-conflict-form = kept, because the value is not of the form that the step reads or has no exact equivalent
schema-conflict-incomplete = kept, because not all options that would be merged are there
schema-conflict-no-target = kept, because there is no section to move it to
schema-conflict-default-unknown = kept, because the default of one of the versions is not known
schema-conflict-lost = does not come back: what was removed is in no state that the log still has
schema-conflicts = { $count ->
    [one] module { $module } is not migrated: { $count } conflict: { $first }
   *[other] module { $module } is not migrated: { $count } conflicts, the first: { $first }
}
schema-conflicts-hint = `cms schema plan { $module }` shows all; without --validate enforce they are kept and reported
schema-newer = the data of module { $module } has version { $data }, its schema only { $schema }
schema-newer-hint = install the schema of version { $data } again; with it, `cms schema rollback` goes back
schema-no-path = module { $module }: { $reason }
schema-no-path-hint = `cms schema migrate --from VERSION` says which version the data has, if it does not say so itself
schema-no-version = { $version } is no version
schema-no-version-hint = write MAJOR.MINOR.PATCH, for example 1.2.0
schema-nothing = nothing to migrate
schema-plan-hint = `cms schema plan` shows what would change, `cms schema migrate` changes it
schema-rollback-none = no module has data that says its version, so there is nothing to roll back
schema-rollback-which = the module to roll back is missing
schema-status-none = there is no module without faults
module-none = there is no module { $module }
module-list-hint = `cms module list` shows which there are
module-list-none = no module is registered in { $folders }
module-show-hint = `cms module show { $module }` says what is wrong
module-newer = module { $module } { $version } is older than { $newer }, which is registered in { $file }
module-newer-hint = --force registers it nevertheless
module-added = module { $module } { $version } is registered in { $file }
module-replaced = it takes the place of version { $version }
module-hides = it hides that in { $file }
module-validate-hint = `cms validate { $packages }` checks what there is
module-removed = module { $module } is removed: { $file }
module-remains = from now on that in { $file } holds, which it had hidden
field-required = required
field-unique = unique
field-distinct = no item twice
field-secret = secret
field-read-only = read-only
field-write-once = can be set once
field-deprecated = to go
field-replaced = to go: use { $name }
type-list = list of { $name }
type-words = { $name }, several with blanks between
names-all = named
names-none = without names
label-yes = yes
label-choices = Allowed
label-items = Items
label-unit = Unit
label-special = Special
label-required-if = Required if
label-excludes = Excludes
label-refers-to = Refers to
label-reload = Reload
label-deprecated = Because
label-unknown = Unknown options
label-created = Made
label-tables = Tables
label-cache = Cache
label-clients = Clients
label-signed = Signed
validate-as-one = --as is for one file
validate-no-schema = there is no schema for { $packages }: only the syntax was checked
validate-done = { $packages } checked: { $errors }, { $warnings }

## Kinds of findings, by their code

code-CMS0101 = unknown option
code-CMS0102 = unknown section type
code-CMS0103 = a required option is missing
code-CMS0104 = a list where one value belongs
code-CMS0105 = not of the right form
code-CMS0106 = out of range
code-CMS0107 = too long or too short
code-CMS0108 = not one of the values that there are
code-CMS0109 = does not match the pattern
code-CMS0110 = refers to something that does not exist
code-CMS0111 = not unique
code-CMS0112 = required beside another option
code-CMS0113 = two options exclude each other
code-CMS0114 = the option is to go
code-CMS0115 = too many or too few sections
code-CMS0116 = a section with a name, or without one
code-CMS0117 = too many or too few items
code-CMS0118 = the option may not be changed
code-CMS0119 = a rule of the program's own does not hold
code-CMS0120 = an item twice in a list
code-CMS0121 = a section's name is not of the right form
code-CMS0122 = a value that is not allowed
code-CMS0130 = the data belongs to a newer schema
code-CMS0201 = no module
code-CMS0202 = more than one module
code-CMS0203 = unknown option in a schema
code-CMS0204 = unknown section type in a schema
code-CMS0205 = unknown rule
code-CMS0206 = a rule has an argument that makes no sense
code-CMS0207 = a field is declared twice
code-CMS0208 = a property has a value that makes no sense
code-CMS0209 = a field belongs to a section type that is not declared
code-CMS0210 = a condition names an option that is not declared
code-CMS0211 = a default breaks the rules of its own field
code-CMS0212 = rules that cannot be read
code-CMS0213 = a pattern that cannot be read
code-CMS0214 = a field or section type without a name
code-CMS0215 = a schema in a newer language
code-CMS0230 = a step of a migration that cannot be read
code-CMS0231 = a migration that leads nowhere
code-CMS0232 = SQL of a migration that cannot be read

## What the codes mean: as docs/diagnostics.md

explanation-invalid-command = A line begins with `package`, `config`, `option` or `list` (or their first letters). Comments begin with `#`.
explanation-missing-word = `config` wants a type, `option` and `list` want a name. A quoted empty word counts as missing here.
explanation-extra-word = A command has at most two words behind it. Put quotes around a value with blanks in it.
explanation-invalid-type = Types are made of visible ASCII characters.
explanation-invalid-name = Names of sections and options are made of letters, digits and `_`. A dash is the usual culprit.
explanation-option-before-section = Every option belongs to the `config` line above it; here there is none yet.
explanation-type-mismatch = Sections of one name are one section, so they must be of one type. Give one of them another name.
explanation-unterminated-quote = The text ends within quotes. The place shown is where they were opened; the mistake is often a line or two below.
explanation-missing-package = What `import` reads begins with a line `package NAME`, unless the name is given.
explanation-nul-byte = No configuration text holds one: the file is damaged, or something else than text. A disk that lost power does that.
explanation-section-too-long = Split it in two.
explanation-no-value = A line of such a file has a key, `=` and a value.
explanation-no-key = A line of such a file has a key before its `=`.
explanation-foreign-name = Names are made of letters, digits and `_`. With `--fit-names`, `_` takes the place of any other character.
explanation-foreign-type = Types are made of visible ASCII characters. With `--fit-names`, `_` takes the place of any other character.
explanation-foreign-package = Names of packages are made of visible ASCII characters without `.` and `/`. `--package` puts all into one package of another name.
explanation-short-key = A key is PACKAGE/SECTION/OPTION, or SECTION/OPTION where `--package` names the package. `--prefix` must leave these parts.
explanation-empty-part = Two separators follow each other, or the key ends with one and has a value.
explanation-key-twice = An option has one value, and a section one name. With `--fit-names`, two names may have become one. Only `ini` and `csv` have lists.
explanation-bad-header = A header is `[NAME]` or `[TYPE "NAME"]`, and nothing but a comment is behind it.
explanation-after-quote = Only a comment, in a table only a separator, may be behind the closing quote: put all of the value in quotes.
explanation-bad-escape = Behind a backslash in double quotes are `\\`, `\"`, `n`, `r`, `t`, in `.env` also `$`. In single quotes a backslash is one.
explanation-unclear-comment = Readers of INI disagree. Put the value in quotes, or say `--inline-comments yes` or `no`.
explanation-continued-line = Readers of INI disagree. Write the value in one line and in quotes.
explanation-utf-16 = Its letters are no bytes. Convert it: `iconv -f UTF-16 -t UTF-8`.
explanation-field-count = A row has as many fields as the first one. A field with a separator in it is in quotes.
explanation-no-column = `--name-column` names none of the columns in the first row.
explanation-quote-in-field = A field with quotes in it is in quotes itself, and those in it are doubled.
explanation-bad-base64 = The dump is damaged, or was not made by `etcdctl get -w json` or `consul kv export`.
explanation-part-of-dump = It was made with a limit and holds not all keys. Importing it would drop the others.
explanation-bad-json = It is no JSON, or another document than `etcdctl get -w json` or `consul kv export` print.
explanation-CMS0101 = The schema declares no such option for sections of this type. Either it is mistyped (the finding then names what comes closest), or the schema does not know it yet: declare it with a `config field`, or in a module of your own that extends the package. `option unknown` of the module or section decides whether this is allowed, a warning or an error.
explanation-CMS0102 = The schema declares section types, and this is none of them. A mistyped type means that no program reads the section.
explanation-CMS0103 = Sections of this type are of no use without that option. An option with an empty value is the same as no option.
explanation-CMS0104 = The option is written with `list`, and whoever reads it takes a single value. Write one `option` line.
explanation-CMS0105 = The value is not what the rule wants: a number, an address, a name and so on. The finding says what would be right.
explanation-CMS0106 = The value is of the right form, and too small or too large.
explanation-CMS0107 = The value has more or fewer characters (or bytes, for `size`) than are allowed.
explanation-CMS0108 = Only some values have a meaning here. Capitals matter.
explanation-CMS0109 = The whole value has to match the regular expression, or must not match it.
explanation-CMS0110 = The value is the name of a section, or stands in an option of one, in this package or another; after this change there is none. It is found from both ends: when the reference is made, and when what it refers to is taken away or renamed.
explanation-CMS0111 = Another section of the same type has the same value, and the two must differ.
explanation-CMS0112 = The option is only required under a condition, and the condition holds.
explanation-CMS0113 = The two have no meaning together. Remove one.
explanation-CMS0114 = It works still, and will not for ever. The finding names what to use instead, if there is such a thing.
explanation-CMS0115 = The schema says how many sections of this type there may be.
explanation-CMS0116 = Some types are looked up by name and need one; of others each is read in turn, and a name would suggest otherwise.
explanation-CMS0117 = The schema says how many items the list may have.
explanation-CMS0118 = Its access is `read-only`, or `write-once` and it has been written.
explanation-CMS0119 = The rule was written in Rust and registered by the program. The finding carries its words.
explanation-CMS0120 = The items of the list must differ.
explanation-CMS0121 = The schema has rules for the names of these sections.
explanation-CMS0122 = A rule with `!` or `not` says what the value must not be.
explanation-CMS0130 = The package `cms` says that a newer version of the module migrated this data. What the schema that is installed says of it may be wrong. Install the newer module again, or roll the data back while that is installed: `cms schema rollback`.
explanation-CMS0201 = A schema begins with `config module 'NAME'`.
explanation-CMS0202 = A file declares one module. Split it in two.
explanation-CMS0203 = `config module`, `config section` and `config field` have the options that docs/schema.md lists, and no others.
explanation-CMS0204 = A schema file has sections of the types `module`, `section`, `fields`, `field` and `migration`.
explanation-CMS0205 = There is no rule of that name, or the program that has it has not registered it.
explanation-CMS0206 = There are too many arguments or too few, or one is not of the right form.
explanation-CMS0207 = UCI joins sections of one name: two `config field 'x'` are one field. Leave the fields without names and write `option name 'x'`, or declare them in `config fields` of their section types.
explanation-CMS0208 = The finding says which values it may have.
explanation-CMS0209 = The schema declares section types, and this is none of them.
explanation-CMS0210 = `required_if`, `excludes` and `replaced_by` are about options of the same section type.
explanation-CMS0211 = What holds when nothing is written has to be something that could be written.
explanation-CMS0212 = A parenthesis or quote is not closed, or a rule is empty. See the grammar in docs/schema.md.
explanation-CMS0213 = The pattern is no regular expression, uses look-around or back references, or would take too much memory.
explanation-CMS0214 = Give it one: `config field 'NAME'`, or `option name 'NAME'`.
explanation-CMS0215 = It was written for a newer version of this program.
explanation-CMS0230 = A step is a verb and what it is about, such as `rename TYPE.OPTION NEW`. docs/migrations.md lists them.
explanation-CMS0231 = A migration says in `to` which version the data has afterwards: above `from`, not above the module's own, and no two to the same.
explanation-CMS0232 = `sql` and `rollback_sql` hold scripts that change rows, in the SQL that docs/tables.md allows, or one of `create table`, `alter table` and `drop table` each, as docs/migrations.md writes them.

# Tables

table-action = list, show, query, history, create, alter, drop, insert, update, delete or sql; what changes something commits at once, with -m
table-name = The table: NAME, or PACKAGE.NAME; with sql the script
table-words = create: columns as 'NAME TYPE [RULES]'; insert: COLUMN=VALUE …; update: KEY COLUMN=VALUE …; delete: KEY …; query: COLUMN=VALUE, also with != < <= > >= ^= (begins with), COLUMN? (has a value), '!COLUMN?' (has none); history: KEY
table-key = The columns of the key, of a new table; by default the first one
table-unique = An index of which no two rows have the same values; may be given several times
table-index = An index to search and sort by; may be given several times
table-no-index = Drop the index of these columns
table-add = alter: add a column, as 'NAME TYPE [RULES]'
table-drop = alter: drop a column
table-default = alter: the value of an added column in the rows that are there
table-null = update: take the value of a column away
table-order = query: sort by a column, with - backwards; may be given several times
table-limit = At most so many rows or commits
table-offset = query: pass over so many rows first
table-csv = insert: the rows of a CSV file whose first line names the columns; - reads standard input
table-replace = insert: put the rows in the place of those of the same keys
table-script = sql: the script of a file; - reads standard input
table-which = the table is missing
table-which-hint = `cms table list` shows the tables
table-no-value = `{ $text }` gives no column a value
table-no-value-hint = write COLUMN=VALUE
table-no-key = the key of the row is missing
table-no-key-hint = give the values of the key's columns, with commas between them
table-no-script = the script is missing, or given twice
table-no-script-hint = write `cms table sql 'SELECT …'` or `cms table sql --script FILE`
table-none = there are no tables (cms table create)
table-rows = { $count ->
    [one] { $count } row
   *[other] { $count } rows
}
table-refused = { $reason }
table-script-refused = { $reason }
table-script-hint = nothing was changed; `cms help table` and the page on tables say which SQL can be used
csv-open = line { $line } of the CSV: a quote is opened and not closed
csv-behind-quote = line { $line } of the CSV: something follows a closing quote
csv-fields = line { $line } of the CSV has { $found } fields, the first line { $wanted }
csv-value = line { $line } of the CSV: { $reason }
title-table = table
title-rows = rows
title-columns = columns
