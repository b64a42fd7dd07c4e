# Die Meldungen von cms auf Deutsch.
#
# Jede Kennung gibt es in jeder Sprache, mit denselben Variablen; ein Test prüft das.

## Beschriftungen

label-error = Fehler
label-warning = Warnung
label-note = Hinweis
label-ok = ok
label-hint = Tipp
label-advice = Abhilfe
label-lost = verloren:
label-allowed = erlaubt
label-rule = Regel
label-examples = Beispiele
label-verbs = Befehle
label-usage = Aufruf
label-arguments = Argumente
label-options = Optionen
label-global-options = Allgemeine Optionen

## Anzahlen

count-packages = { $count ->
    [one] { $count } Paket
   *[other] { $count } Pakete
}
count-errors = { $count } Fehler
count-warnings = { $count ->
    [one] { $count } Warnung
   *[other] { $count } Warnungen
}
findings-more = und { $count } weitere
count-changes = { $count ->
    [one] { $count } Änderung
   *[other] { $count } Änderungen
}

## Hilfe

help-title = cms - Konfigurationsverwaltung: die Befehle von uci, auf einem Protokoll, das nichts verliert
help-examples =
    cms show network                        was eingestellt ist
    cms set network.lan.ipaddr=10.0.0.1     eine Änderung vormerken
    cms changes                             was vorgemerkt ist
    cms commit -m 'neue Adresse'            daraus eine Revision machen
    cms history network.lan                 wer was wann geändert hat
    cms diff 3 7                            was sich zwischen zwei Revisionen geändert hat
    cms rollback 3                          zurück zu Revision 3, mit einem neuen Commit
help-end =
    `cms help BEFEHL` zeigt Beispiele und Optionen eines Befehls.
    Schlüssel sind PAKET.SEKTION.OPTION; Sektionen haben Namen oder werden gezählt: @rule[0], @rule[-1].
    Exit-Codes: 0 getan, 1 Fehler, 2 falscher Aufruf, 3 nicht gefunden, 4 ungültig, 5 Konflikt,
    6 nicht erlaubt, 7 nicht verfügbar, 10 es gibt Änderungen (diff --exit-code).

verb-get = Einen Wert ausgeben
verb-show = Sektionen und Optionen mit ihren Werten zeigen
verb-list = Die Namen unter einem Schlüssel auflisten
verb-search = Schlüssel und Werte nach einem Muster suchen
verb-set = Eine Option setzen oder eine Sektion anlegen
verb-add = Eine anonyme Sektion anfügen
verb-add_list = Einen Eintrag an eine Liste anfügen
verb-del_list = Einen Eintrag aus einer Liste entfernen
verb-delete = Eine Sektion, eine Option oder einen Listeneintrag löschen
verb-rename = Eine Sektion oder Option umbenennen
verb-reorder = Eine Sektion verschieben
verb-batch = Viele Befehle als einen ausführen: alle oder keinen
verb-changes = Zeigen, was Sie vorgemerkt haben
verb-revert = Vorgemerktes zurücknehmen
verb-validate = Pakete und Dateien anhand ihrer Schemas prüfen
verb-explain = Eine Art von Befund anhand ihres Codes erklären, oder eine Option anhand ihres Schlüssels
verb-module = Die Schemas dieses Rechners zeigen, hinzufügen und entfernen
verb-schema = Schemas zeigen, prüfen, entwerfen, exportieren und importieren; Daten auf ihre Versionen bringen
verb-commit = Aus dem Vorgemerkten eine Revision machen
verb-confirm = Einen Commit behalten, der sonst zurückgenommen wird
verb-history = Die Commits auflisten, den neuesten zuerst
verb-watch = Zeigen, was committet wird, sobald es geschieht
verb-table = Zeilen einer Form in Tabellen führen, mit Geschichte; Änderungen werden sofort festgeschrieben
verb-trigger = Zeigen, welcher Dienst mit welcher Revision läuft, oder ausführen, was ansteht
verb-diff = Zeigen, was sich zwischen zwei Ständen geändert hat
verb-blame = Zeigen, wer jede Option zuletzt gesetzt hat
verb-rollback = Den Stand einer Revision wiederherstellen, mit einem neuen Commit
verb-undo = Commits umkehren, und nur diese, mit einem neuen Commit
verb-export = Pakete als Text schreiben: uci, json, yaml oder toml
verb-import = Pakete aus Text lesen: uci, json, yaml, toml, ini, env, sysctl, csv, etcd oder consul
verb-backup = Die Konfiguration mit ihrem Verlauf in eine Datei schreiben und prüfen
verb-restore = Eine Sicherung einspielen: ganz, wo noch nichts ist, sonst als Commit
verb-compact = Alte Commits aufgeben
verb-health = Auf einen Blick zeigen, ob alles in Ordnung ist
verb-doctor = Protokoll, Dateien und Rechte prüfen und sagen, was zu tun ist
verb-memory = Zeigen, was das eingeblendete Segment belegt, es prüfen oder neu schreiben
verb-bench = Messen, wie schnell diese Maschine ist, an einem eigenen Speicher
verb-shell = Einen Befehl nach dem anderen eingeben, mit Verlauf, Vervollständigung und Transaktionen
verb-completion = Das Vervollständigungsskript einer Shell ausgeben
verb-__candidates = Die Kandidaten für die Vervollständigung ausgeben
verb-__bench = Der andere Prozess einer Messung sein; cms startet ihn selbst
verb-__guard = Zurücknehmen, was niemand bestätigt; cms startet es selbst
verb-__man = Schreibt die Handbuchseiten; für den Bau

examples-get =
    cms get network.lan.proto
    cms get network.lan.proto --at 12
    cms get network.lan.mtu --default    (was gilt, wo sie nicht gesetzt ist)
    cms get firewall.@rule[-1].name
examples-show =
    cms show network
    cms show network.lan --json
    cms show network.lan --default       (mit dem, was gilt, wo nichts gesetzt ist)
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
    cms set network.lan.ipv6=            (ein leerer Wert löscht)
examples-add =
    cms add firewall rule                (gibt den Namen der neuen Sektion aus)
    cms set firewall.@rule[-1].name=ssh
examples-add_list =
    cms add_list network.lan.dns=9.9.9.9
examples-del_list =
    cms del_list network.lan.dns=9.9.9.9
examples-delete =
    cms delete network.lan.mtu
    cms delete firewall.@rule[-1]
    cms delete network.lan.dns=0         (der erste Eintrag einer Liste)
examples-rename =
    cms rename network.lan=home
    cms rename firewall.@rule[0]=ssh
examples-reorder =
    cms reorder firewall.@rule[-1]=0     (die letzte Regel wird die erste Sektion)
examples-batch =
    cms batch -f aenderungen.txt
    cms batch -f aenderungen.txt --confirm 90s
    printf '%s\n' 'set system.@system[0].hostname=gw' 'commit system' | cms batch -m 'neuer Name'
examples-changes =
    cms changes
    cms changes network --diff
examples-revert =
    cms revert network.lan.mtu
    cms revert network
examples-validate =
    cms validate                         (alle Pakete, mit dem, was vorgemerkt ist)
    cms validate network --json
    cms validate ./new/network ./new/firewall
    cms validate ./network.new --as network --deny-warnings
examples-explain =
    cms explain CMS0101
    cms explain network.lan.mtu          (Wert oder Vorgabe, Regeln, letzte Änderung)
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
    cms schema check ./blog              (bevor es registriert wird)
    cms schema infer blog > blog.schema  (ein Entwurf, zum Lesen und Verbessern)
    cms schema export network > network.schema.json
    cms schema import blog.schema.json --add
examples-commit =
    cms commit
    cms commit network -m 'größere Rahmen'
    cms commit --dry-run
    cms commit --confirm 90s             (wird zurückgenommen, wenn `cms confirm` ausbleibt)
    cms commit --confirm 5m --probe 'ping -c 1 192.168.7.254'
examples-confirm =
    cms confirm                          (der einzige, der aussteht)
    cms confirm k7m2x9qd
    cms confirm --cancel k7m2x9qd        (nimmt sofort zurück)
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
    cms table insert leases ip=10.0.0.7 mac=02:00:00:00:00:07 -m "der Drucker"
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
    cms diff                             (was vorgemerkt ist)
    cms diff 12                          (seit Revision 12)
    cms diff head~1 head --format unified
    cms diff 12 --exit-code              (10, wenn es Änderungen gibt)
examples-blame =
    cms blame network.lan
    cms blame network --format table
examples-rollback =
    cms rollback 12
    cms rollback head~1 network -m 'die neue Adresse war falsch'
    cms rollback 12 --dry-run
examples-undo =
    cms undo 12
    cms undo 12..14 --dry-run
examples-export =
    cms export > sicherung.uci
    cms export network --format yaml
    cms export --at 12 --json
examples-import =
    cms import < sicherung.uci
    cms import network -f network.json --format json
    cms import --merge -f mehr.yaml --dry-run
    cms import --format uci /mnt/alt/config    (alle Pakete eines anderen Verzeichnisses)
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
    cms -q health || logger 'nach der Konfiguration sehen'
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
    cms shell -f aenderungen.cms         (ein Skript: es endet beim ersten Fehler)
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

## Was die Argumente bedeuten

get-key = Die Option, oder die Sektion, deren Typ auszugeben ist
get-default = Wo die Option nicht gesetzt ist, die Vorgabe aus ihrem Schema ausgeben
show-key = Ein Paket, eine Sektion oder eine Option; ohne Angabe alles
show-default = Auch die Optionen zeigen, die nicht gesetzt sind, mit den Vorgaben aus ihren Schemas
list-key = Ein Paket oder eine Sektion; ohne Angabe werden die Pakete aufgelistet
memory-action = Was zu tun ist: stats, map (eine Karte), defrag (neu schreiben) oder check (prüfen)
search-pattern = Ein Text, der irgendwo vorkommt; mit * ? [ ] oder { "{" }{ "}" } ein Muster für den ganzen Schlüssel oder Wert
search-regex = PATTERN ist ein regulärer Ausdruck
search-ignore-case = Groß- und Kleinschreibung nicht unterscheiden
search-keys = Nur Schlüssel durchsuchen
search-values = Nur Werte durchsuchen
set-words = Was zu setzen ist; mehrere werden zusammen gesetzt oder gar nicht
add-package = Das Paket
add-type = Der Typ der neuen Sektion
add-list-words = Die Liste und der anzufügende Eintrag
del-list-words = Die Liste und der Eintrag, der zu entfernen ist, wo immer er steht
delete-words = Was zu löschen ist; KEY=N löscht den N-ten Eintrag einer Liste, gezählt ab 0
rename-words = Die Sektion oder Option und ihr neuer Name
reorder-words = Die Sektion und ihr Platz unter allen, gezählt ab 0; ein negativer bedeutet den ersten
batch-dry-run = Nur prüfen, ob alle Befehle gelingen würden
changes-package = Das Paket; ohne Angabe alle
changes-diff = Zeigen, wie sich die Paketdateien ändern würden
revert-key = Das Paket, die Sektion oder die Option
validate-names = Pakete, oder Dateien, deren Name einen Schrägstrich hat; ohne Angabe alle Pakete
validate-as = Die Datei als dieses Paket prüfen, wie auch immer sie heißt
validate-limit = Höchstens so viele Befunde zeigen
validate-deny-warnings = Auch bei Warnungen mit dem Exit-Code 4 enden
explain-what = Ein Code wie CMS0101, oder eine Option oder Sektion; ohne Angabe werden alle Codes aufgelistet
action-module-list = Die Module auflisten: welche Version, für welche Pakete, aus welcher Datei
action-module-show = Zeigen, was ein Modul von sich sagt, und was an ihm falsch ist
action-module-add = Ein Schema prüfen und registrieren
action-module-remove = Ein Modul entfernen
module-name = Der Name des Moduls
module-file = Die Datei mit dem Schema; - für stdin
module-force = Auch an die Stelle einer neueren Version
action-schema-show = Die Typen eines Pakets zeigen, die Optionen eines Typs, oder alles über eine Option
action-schema-infer = Ein Schema aus vorhandenen Paketen oder Dateien entwerfen
action-schema-export = Ein Schema als JSON Schema ausgeben, oder mit --format uci so, wie es geschrieben wurde
action-schema-import = Aus einem JSON Schema ein Schema machen
schema-key = Das Paket, darin ein Sektionstyp, und von diesem eine Option
schema-infer-names = Pakete, oder Dateien, deren Name einen Schrägstrich hat
schema-infer-as = Alle sind Beispiele für dieses Paket
schema-add = Registrieren statt ausgeben
schema-export-package = Das Paket, oder das Modul, wenn es dafür mehrere gibt
schema-import-file = Die Datei mit dem JSON Schema; - für stdin
schema-import-as = Das Paket, für das es ist; sonst der Titel des Dokuments oder der Name der Datei
action-schema-check = Sagen, was an Schemas falsch ist, mit Ort und Zeiger
schema-files = Dateien mit Schemas; - für stdin
action-schema-status = Zeigen, welche Version die Daten von Modulen haben, und welche Migrationen anstehen
action-schema-plan = Zeigen, was eine Migration Schritt für Schritt ändern würde; geändert wird nichts
action-schema-migrate = Die Daten von Modulen in einem Commit auf die Version ihres Schemas bringen
action-schema-rollback = Die Migration der Daten eines Moduls zurücknehmen
schema-version-module = Das Modul; ohne Angabe alle, deren Daten eine frühere Version haben
schema-to = Zu dieser Version; sonst zu der des Schemas
schema-from = Die Daten haben diese Version, wo sie es nicht selbst sagen
schema-back-to = Zurück zu dieser Version; sonst zu der davor
schema-plan-back = Zeigen, was ein Rollback ändern würde
commit-package = Das Paket; ohne Angabe alle
commit-adopt-uci = Zuerst übernehmen, was uci in seinem Ordner vorgemerkt hat (Vorgabe: /tmp/.uci)
confirm-token = Was commit --confirm ausgegeben hat; unnötig, solange nur einer aussteht
confirm-cancel = Sofort zurücknehmen
confirm-list = Zeigen, was aussteht und was aus den letzten wurde
confirm-expire = Zurücknehmen, was fällig ist; für den Start des Systems
history-key = Ein Paket, eine Sektion oder eine Option; ohne Angabe alles
history-limit = Höchstens so viele Commits
history-since = Nur Commits nach dieser Revision oder Zeit
history-until = Nur Commits bis zu dieser Revision oder Zeit
watch-pattern = Schlüssel mit den Platzhaltern * (ein Teil) und ** (beliebig viele Teile); ein Schlüssel allein steht für alles darunter; ohne Angabe alles
watch-since = Mit den Commits nach dieser Revision oder Zeit beginnen, nicht erst mit dem nächsten
watch-cursor = Dort weitermachen, wo der Leser dieses Namens war, und vermerken, wie weit er gekommen ist
watch-exec = Diesen Befehl einmal für jeden Commit ausführen: CMS_REVISION, CMS_AUTHOR und CMS_KEYS in der Umgebung, die Ereignisse als JSON-Zeilen auf seiner Eingabe
watch-count = Nach so vielen Commits enden
trigger-action = status: welcher Auslöser für welche Revision gelaufen ist; run: die ausführen, für die etwas committet wurde
trigger-since = Ein Auslöser, der noch nie lief, beginnt mit den Commits nach dieser Revision oder Zeit
trigger-detach = Das Terminal verlassen; für den Prozess, den ein Commit startet
diff-from = Der ältere Stand: eine Revision, head~N oder eine Zeit; ohne Angabe der neueste gegen das Vorgemerkte
diff-to = Der neuere Stand; ohne Angabe der neueste
diff-key = Nur was unter diesem Schlüssel liegt
diff-exit-code = Mit Exit-Code 10 enden, wenn es Änderungen gibt
blame-key = Ein Paket, eine Sektion oder eine Option
rollback-revision = Die Revision, head~N oder eine Zeit
rollback-key = Nur was unter diesem Schlüssel liegt
undo-revisions = Der Commit, oder der erste und der letzte von mehreren
export-package = Das Paket; ohne Angabe alle
import-package = Der Name für das Paket, wie immer es im Text heißt; mit einem / darin die Datei oder das Verzeichnis, das gelesen wird
import-merge = Neues und Anderes vormerken, statt die Pakete zu ersetzen
import-dry-run = Nichts ändern; zeigen, wie sich die Paketdateien ändern würden und was Schemas dazu sagen
import-package-option = Das Paket, zu dem alles wird, wie PACKAGE
import-prefix = Nur die Schlüssel unter diesem, ohne ihn (etcd, consul)
import-type = Der Typ von Sektionen, deren Typ der Text nicht sagt (sonst der vorhandene, sonst section)
import-section = Die Sektion der Schlüssel, die in keiner sind (ini, env; sonst main)
import-name-column = Die Spalte mit den Namen der Sektionen (csv)
import-separator = Was die Felder trennt: ein Zeichen oder tab (csv; sonst ein Komma)
import-inline-comments = Ob ; und # hinter einem Wert einen Kommentar beginnen: yes oder no (ini; sonst werden solche Zeilen abgelehnt)
import-fit-names = Jedes Zeichen, das kein Name haben darf, zu _ machen
backup-file = Die Datei, oder - für die Standardausgabe; mit --verify die Dateien der Reihe nach
backup-since = Nur was nach dieser Revision oder jener Sicherung kam; eine Datei, die wie eine Zahl heißt, als ./12
backup-verify = Nichts schreiben; diese Sicherungen lesen und jedes Byte prüfen
restore-file = Eine ganze Sicherung und die, die sie fortsetzen, der Reihe nach; - für die Standardeingabe
restore-at = Den Stand dieser Revision oder Zeit wiederherstellen
restore-replace-history = Den Verlauf der Sicherung an die Stelle des eigenen setzen
restore-yes = Auch wenn der eigene Verlauf verloren geht oder die Sicherung von anderswo ist
shell-keep-going = In einem Skript nach einem Fehler weitermachen; der Exit-Code ist der des ersten
shell-no-history = Die Zeilen früherer Shells weder lesen noch aufheben
compact-keep-commits = Mindestens so viele der neuesten Commits behalten
compact-keep-age = Mindestens die Commits dieser Zeit behalten: 12h, 90d, 8w; zusammen mit --keep-commits, was eines von beiden verlangt
compact-max-size = Nicht mehr als so viel Log auf der Platte behalten, was die anderen auch verlangen: 64M, 1G
compact-always = Das Log von jetzt an von selbst genau das behalten lassen
compact-dry-run = Sagen, wie viele Commits aufgegeben würden (für eine Größe: wie viele höchstens etwa), und keinen aufgeben
compact-show = Sagen, was das Log von selbst behält
compact-standard = Das Log von selbst behalten lassen, was es ohne Angabe behält: 100.000 Commits und 30 Tage in 1 GiB
bench-seconds = Wie lange gemessen wird, von 1 bis 600 s (Vorgabe: 3)
bench-does = Was zu tun ist: echo oder watch
completion-shell = bash, zsh oder fish
candidates-words = Die bisher getippten Wörter
guard-descriptors = Die Deskriptoren, die zu schließen sind
man-folder = Das Verzeichnis für die Seiten

option-config = Das Konfigurationsverzeichnis (Vorgabe: /etc/config)
option-state-dir = Wo Protokoll und Vorgemerktes liegen (CMS_STATE_DIR)
option-run-dir = Wo Sperren und Sockets liegen (CMS_RUN_DIR)
option-quiet = Keine Meldungen, auch keine Fehler: nur Daten und der Exit-Code
option-verbose = Auf stderr mitschreiben, was geschieht; zweimal für mehr (CMS_LOG)
option-json = JSON für Programme ausgeben
option-format = Das Format der Ausgabe: table für Menschen; export und import: uci, json, yaml, toml; import auch: ini, env, sysctl, csv, etcd, consul; diff: uci, unified, table
option-color = Wann Farben verwendet werden: auto, always oder never (NO_COLOR, FORCE_COLOR)
option-no-pager = Lange Ausgaben nicht seitenweise zeigen
option-delimiter = Was zwischen den Einträgen einer Liste steht
option-file = Aus dieser Datei lesen statt von stdin
option-name-sections = Anonyme Sektionen mit ihren erzeugten Namen exportieren
option-no-names = Anonyme Sektionen ohne Namen exportieren (die Vorgabe)
option-show-generated = Anonyme Sektionen mit ihren erzeugten Namen zeigen
option-strict = Text mit Fehlern ablehnen (die Vorgabe)
option-lenient = Zeilen mit Fehlern überspringen; der Aufruf ist dann einer von uci
option-save = In diesem Ordner vormerken wie uci; der Aufruf ist dann einer von uci
option-save-only = Wie -t, und commit tut nichts
option-search = Auch lesen, was in diesem Ordner vorgemerkt ist; der Aufruf ist dann einer von uci
option-override = Ein Ordner mit Paketen, die Vorrang haben; der Aufruf ist dann einer von uci
option-help = Diese Hilfe zeigen
option-at = Den Stand dieser Revision oder Zeit lesen
option-message = Warum, für den Verlauf
option-dry-run = Nur sagen, was festgeschrieben würde
option-validate = Was Schemas bei diesem Commit tun, was auch immer sie selbst sagen: off, warn oder enforce
option-no-validate = Dasselbe wie --validate off
option-confirm = Von selbst zurücknehmen, wenn in dieser Zeit keine Bestätigung kommt: 90s, 5m, 1h
option-probe = Ein Shell-Befehl, dessen Erfolg bestätigt; wird bis dahin wiederholt
option-join = Gemeinsam mit dem bestätigen oder zurücknehmen, was unter diesem Token aussteht
option-force = Auch wenn das Protokoll keinen Neustart übersteht

## Spaltentitel

title-action = Aktion
title-author = Autor
title-changes = Änderungen
title-items = Einträge
title-key = Schlüssel
title-message = Nachricht
title-new = Neu
title-old = Alt
title-option = Option
title-options = Optionen
title-package = Paket
title-segment = Segment
title-entries = Einträge
title-payload = Schlüssel und Werte
title-live = in Gebrauch
title-garbage = Abfall
title-figure = Was
title-median = Median
title-99 = 99 von 100 in
title-limit = Die Grenze, die die Maschine setzt
title-limit-median = Median
title-ratio = Verhältnis
title-revision = Revision
title-section = Sektion
title-sections = Sektionen
title-time = Zeit
title-type = Typ
title-value = Wert
title-count = Wie viele
title-default = Vorgabe
title-description = Beschreibung
title-faults = Fehler
title-file = Datei
title-mode = Modus
title-module = Modul
title-names = Namen
title-packages = Pakete
title-rules = Regeln
title-data = Daten
title-pending = Steht an
title-schema = Schema
title-version = Version

## Falsche Aufrufe

unknown-verb = es gibt keinen Befehl `{ $name }`
unknown-option = es gibt keine Option `{ $name }`
extra-word = `{ $name }` ist ein Wort zu viel für `{ $verb }`
missing-words = `{ $verb }` braucht noch { $names }
missing-value = `{ $name }` braucht einen Wert
invalid-value = `{ $value }` ist für { $name } nicht möglich
not-together = { $name } und { $other } schließen einander aus
wrong-words = so wird `{ $verb }` nicht aufgerufen
missing-action = bei `{ $verb }` fehlt, was zu tun ist
unknown-action = `{ $name }` ist nichts, was `{ $verb }` kann
unknown-format = es gibt hier kein Format `{ $format }`
one-of = eines von: { $names }
first-at = das erste ist bei { $place }
did-you-mean = meinten Sie `{ $name }`?
see-help = `cms help` zeigt die Befehle
see-help-of = `cms help { $verb }` zeigt, wie er aufgerufen wird
not-a-uci-verb = `{ $verb }` ist kein Befehl von uci, und mit -t, -P, -p, -C und -S ist dies ein Aufruf von uci
not-a-uci-option = `{ $option }` ist keine Option von uci, und mit -t, -P, -p, -C und -S ist dies ein Aufruf von uci
not-a-number = `{ $text }` ist keine Zahl
not-a-revision = `{ $text }` ist weder eine Revision noch eine Zeit
revision-hint = eine Revision ist eine Zahl, head oder head~N; eine Zeit wird 2026-11-22T14:00:00Z geschrieben, oder wie 2h ago, yesterday 14:00

## Schlüssel und Werte

invalid-key = ungültiger Schlüssel `{ $key }`: { $reason }
invalid-name = ungültiger Name `{ $name }`: { $reason }
name-byte = `{ $byte }` ist nicht erlaubt: { $what }
name-empty = es fehlt: { $what }
name-wrong = das ist kein Name
what-package = der Name eines Pakets
what-type = ein Typ
what-name = der Name einer Sektion oder Option
package-hint = Namen von Paketen bestehen aus sichtbaren ASCII-Zeichen ohne `.` und `/`
type-hint = Typen bestehen aus sichtbaren ASCII-Zeichen
name-hint = Namen von Sektionen und Optionen bestehen aus Buchstaben, Ziffern und `_`
key-no-index = `{ $part }` hat am Ende keinen Index in Klammern
key-bad-index = der Index in `{ $part }` ist keine Zahl
key-too-many-parts = er hat mehr als drei Teile
key-index-hint = @TYP[N] ist die N-te Sektion eines Typs, gezählt ab 0, oder mit -1 vom Ende her
key-shape-hint = ein Schlüssel ist PAKET, PAKET.SEKTION oder PAKET.SEKTION.OPTION
value-not-wanted = hinter `{ $key }` gehört kein Wert
value-missing = hinter `{ $key }` fehlen `=` und ein Wert
value-control-byte = der Wert für { $key } enthält ein Steuerzeichen
value-control-byte-hint = Werte enthalten Text, Tabulatoren und Zeilenenden; schreiben Sie andere Bytes als Base64 oder hexadezimal
section-missing = `{ $key }` nennt ein Paket, wo eine Sektion gebraucht wird
section-wanted = `{ $verb }` braucht eine Sektion, und { $key } ist eine Option
option-missing = `{ $key }` nennt eine Sektion, wo eine Option gebraucht wird
package-wanted = `{ $key }` ist mehr als der Name eines Pakets
get-package = `{ $key }` ist ein Paket und hat keinen Wert
get-package-hint = `cms show { $package }` zeigt, was darin ist
list-option = unter der Option { $key } gibt es nichts
delete-package = `{ $package }` ist ein Paket: seine Sektionen können gelöscht werden, es selbst nicht
delete-package-hint = um ein Paket zu löschen, entfernen Sie seine Datei aus dem Konfigurationsverzeichnis

## Nicht gefunden

no-package = es gibt kein Paket `{ $name }`
no-package-hint = `cms import { $name } </dev/null` legt es an
no-section = es gibt keine Sektion `{ $section }` im Paket { $package }
no-option = es gibt keine Option { $key }
no-item = die Liste { $key } hat keinen Eintrag Nummer { $index }
no-revision = es gibt keine Revision { $revision }
no-directory = es gibt kein Konfigurationsverzeichnis { $folder }
no-directory-hint = nennen Sie eines mit -c DIR
no-log = { $folder } hat noch kein Protokoll und darum keinen Verlauf
key-not-found = { $key } gibt es nicht
sections-of-type = { $count ->
    [one] es gibt eine Sektion vom Typ { $kind }: @{ $kind }[0]
   *[other] es gibt { $count } Sektionen vom Typ { $kind }, gezählt ab 0
}
sections-in-all = { $count ->
    [one] es gibt eine Sektion
   *[other] es gibt { $count } Sektionen, gezählt ab 0
}
search-nothing = nichts passt zu `{ $pattern }`
search-bad-pattern = `{ $pattern }` ist kein gültiges Muster

## Nichts geschehen

set-same = { $key } ist schon so: nichts wurde geändert
set-empty-absent = { $key } gibt es nicht: nichts wurde gelöscht
del-list-absent = die Liste { $key } hat diesen Eintrag nicht: nichts wurde entfernt
rename-same = { $key } heißt schon { $name }: nichts wurde geändert
reorder-same = { $key } ist schon an diesem Platz: nichts wurde geändert
revert-nothing = unter { $key } war nichts vorgemerkt
changes-none = nichts ist vorgemerkt
commit-nothing = nichts war vorgemerkt, also wurde nichts festgeschrieben
import-nothing = der Text ist leer: nichts wurde importiert
history-nothing = kein Commit hat das berührt
history-begins = das Protokoll behält keine Commits vor Revision { $first }
watch-compacted = das Log hat die Commits nach Revision { $after } nicht mehr: nehmen Sie den Stand von Revision { $resume } (--at { $resume }); was folgt, kommt danach
watch-exec-failed = der Befehl für Revision { $revision } ist fehlgeschlagen ({ $reason }): { $command }
watch-stopped = das Log kann nicht mehr gelesen werden: { $reason }
trigger-none = es gibt keine Auslöser; sie sind Sektionen vom Typ trigger im Paket cms (cms help trigger)
trigger-never = nie gelaufen
trigger-current = aktuell
trigger-behind = im Rückstand
trigger-broken = fehlgeschlagen: { $reason }
trigger-done = Auslöser { $trigger } ist für Revision { $revision } gelaufen
trigger-failed = Auslöser { $trigger } ist für Revision { $revision } fehlgeschlagen: { $reason }; das nächste `cms trigger run` versucht es wieder
trigger-not-started = der Commit ist gemacht, aber seine Auslöser konnten nicht gestartet werden ({ $reason }): führen Sie `cms trigger run` aus
trigger-no-name = ein Auslöser im Paket cms hat keinen Namen: geben Sie seiner Sektion einen (cms rename)
trigger-no-option = cms.{ $trigger } fehlt eine Option: { $option }
trigger-bad-option = cms.{ $trigger }.{ $option } ist nicht brauchbar: { $value }
title-trigger = Auslöser
title-state = Stand
title-does = tut
bad-pattern = das Muster { $pattern } kann nichts treffen: { $reason } an Stelle { $place }
bad-pattern-hint = ein Muster hat bis zu drei Teile mit Punkten dazwischen, etwa network.*.mtu oder network.**

## Ändern

edit-refused = { $key } lässt sich so nicht ändern
key-exists = { $key } gibt es schon
key-invalid = { $key }: { $reason }
commit-base-gone-hint = was vorgemerkt ist, wurde auf einem Stand gemacht, den es nicht mehr gibt, und dasselbe wurde seither geändert: `cms changes` zeigt es, `cms revert PAKET` verwirft es
commit-done = { $changes } an { $packages } als Revision { $revision } festgeschrieben
commit-planned = würde { $changes } an { $packages } festschreiben
commit-adopted = { $count ->
    [one] 1 mit uci vorgemerkte Änderung übernommen
   *[other] { $count } mit uci vorgemerkte Änderungen übernommen
}
adopt-refused = { $file }, ein Ordner von uci, gehört Benutzer { $owner }, dem dieser Aufruf nicht vertraut
adopt-skipped = { $count ->
    [one] 1 mit uci vorgemerkte Änderung am Paket { $package } passt nicht und wurde ausgelassen
   *[other] { $count } mit uci vorgemerkte Änderungen am Paket { $package } passen nicht und wurden ausgelassen
}
changes-uci = uci hat Änderungen in { $folder } vorgemerkt ({ $packages }): `cms commit --adopt-uci` übernimmt sie
changes-stale = { $package }: jemand hat Änderungen festgeschrieben, die Ihren widersprechen; commit sagt welche, revert verwirft Ihre
batch-line = Zeile { $line }: { $error }
batch-unreadable = die Zeile ist nicht lesbar
batch-verb = `{ $verb }` kann nicht Teil eines Stapels sein
batch-verb-hint = ein Stapel besteht aus set, add, add_list, del_list, delete, rename, reorder, get, show, commit und exit
batch-staged = das Paket { $package } hat ältere vorgemerkte Änderungen, die dieser Stapel mit seinen eigenen festschreiben würde
batch-staged-hint = schreiben Sie sie zuerst fest, nehmen Sie sie zurück, oder lassen Sie `commit` im Stapel weg
batch-no-commit = nichts ist zu bestätigen: keine Zeile des Stapels macht einen Commit
batch-no-commit-hint = mit einer Zeile `commit` enden, oder --confirm weglassen
batch-checked = alle Befehle des Stapels würden gelingen

## Commits, die bestätigt werden müssen

confirm-armed = er wird um { $time } zurückgenommen, wenn ihn niemand bestätigt: { $command }
confirm-joined = zusammen mit dem, was schon aussteht: { $revisions } werden gemeinsam bestätigt oder zurückgenommen, auf Revision { $restore }
confirm-still = dies bestätigt nichts: { $revisions } wird um { $time } zurückgenommen, wenn niemand bestätigt: { $command }
confirm-confirmed = { $revisions } bestätigt um { $time }
confirm-proven = { $revisions } durch die Probe bestätigt um { $time }
confirm-cancelled = { $revisions } abgebrochen und zurückgenommen um { $time } ({ $undone })
confirm-expired = { $revisions } ZURÜCKGENOMMEN um { $time } ({ $undone }): nicht rechtzeitig bestätigt
confirm-rebooted = { $revisions } ZURÜCKGENOMMEN um { $time } ({ $undone }): die Maschine wurde vor der Bestätigung neu gestartet
confirm-kept = NICHT zurückgenommen, weil spätere Commits dasselbe geändert haben oder die Datei unlesbar ist: { $keys }
confirm-overdue = { $revisions } sollte zurückgenommen werden und konnte es nicht: `cms confirm --expire` sagt, warum
confirm-probe-failed = die Probe ist fehlgeschlagen: { $failure }
confirm-until = bis { $time } (noch { $left } s)
confirm-probe = Probe: { $probe }
confirm-unguarded = kein Wächter
confirm-none = nichts wartet auf Bestätigung
confirm-nothing-due = { $folder }: nichts ist fällig
confirm-unknown = nichts namens { $token } wartet auf Bestätigung
confirm-several = mehrere Commits warten auf Bestätigung; nennen Sie einen: { $tokens }
confirm-settled = zu spät: { $outcome }
confirm-list-hint = `cms confirm --list` zeigt, was aussteht
confirm-undo-hint = `cms undo REV` kehrt einen bestätigten Commit um
confirm-again-hint = `cms history` zeigt die Rücknahme; wer ihn trotzdem will, kehrt sie um
confirm-no-survival = das Protokoll { $file } liegt auf { $kind }, was keinen Neustart übersteht: niemand nähme ihn dann zurück
confirm-no-survival-hint = legen Sie das Protokoll auf eine Platte (--state-dir, CMS_STATE_DIR), oder bestehen Sie mit --force darauf
confirm-window = `{ $text }` ist keine Zeit, in der ein Commit bestätigt werden kann
confirm-window-hint = schreiben Sie 90s, 5m, 1h oder Sekunden; von 1s bis 24h
guardian-failed = der Wächter, der zurücknehmen würde, kann nicht gestartet werden; nichts wurde committet

## Importieren

import-staged = { $count ->
    [0] die Pakete enthalten das alles schon: nichts wurde vorgemerkt
    [one] 1 Änderung vorgemerkt
   *[other] { $count } Änderungen vorgemerkt
}
import-would-stage = { $count ->
    [0] die Pakete enthalten das alles schon: nichts würde vorgemerkt
    [one] 1 Änderung würde vorgemerkt
   *[other] { $count } Änderungen würden vorgemerkt
}
import-directory = { $source } ist ein Verzeichnis, und ein solches kann nur Pakete in UCI-Text enthalten
import-not-for = { $option } ist nichts für das Format { $format }
import-only-for = sie ist für: { $formats }
import-looks-like = das sieht wie ein Abzug aus: --format { $format }
import-no-package-option = benennen: `cms import PAKET` oder `--package PAKET`
import-no-type = { $source } sagt nicht, von welchem Typ die Zeilen sind
import-no-type-hint = benennen: `--type TYP`
import-separator-hint = ein Trennzeichen ist ein ASCII-Zeichen außer `"` oder das Wort tab
import-refused = { $source } lässt sich nicht aus { $format } übernehmen, auch nicht in Teilen
import-others = { $count ->
    [one] 1 Eintrag des Verzeichnisses ist kein Paket und wurde ausgelassen
   *[other] { $count } Einträge des Verzeichnisses sind keine Pakete und wurden ausgelassen
}
import-outside = { $count ->
    [one] 1 Schlüssel liegt nicht unter `{ $prefix }` und wurde ausgelassen
   *[other] { $count } Schlüssel liegen nicht unter `{ $prefix }` und wurden ausgelassen
}
import-empty = { $count ->
    [one] 1 Wert ist leer: diese Option gibt es nicht
   *[other] { $count } Werte sind leer: diese Optionen gibt es nicht
}
import-marked = { $count ->
    [one] 1 Schlüssel hat eine Frist oder Merker, für die UCI keinen Ort hat
   *[other] { $count } Schlüssel haben eine Frist oder Merker, für die UCI keinen Ort hat
}
import-variables = { $count ->
    [one] 1 Wert enthält eine Variable wie $HOME, die nicht ersetzt wird
   *[other] { $count } Werte enthalten Variablen wie $HOME, die nicht ersetzt werden
}
import-unparsable = { $source } ist kein gültiger UCI-Text
import-no-package = { $source } sagt nicht, welches Paket es ist
import-no-package-hint = nennen Sie es: `cms import PAKET`, oder beginnen Sie den Text mit einer Zeile `package NAME`
import-wrong-format = { $source } lässt sich nicht als { $format } lesen: { $cause }
import-version = { $source } hat die Version { $version } der Form, die dieses Programm nicht kennt
import-place = { $source }, bei { $place }: { $cause }
import-not-one = { $count ->
    [0] { $source } enthält kein Paket, und ein Name für eines ist angegeben
    [one] { $source } enthält ein Paket
   *[other] { $source } enthält { $count } Pakete, und ein Name für eines ist angegeben
}
import-twice = { $source } enthält das Paket { $package } zweimal

## Die Shell

shell-welcome = Shell für { $folder }: `help` zeigt die Befehle, Tab vervollständigt, Strg-D beendet; eine Zeile hinter einem Leerzeichen kommt nicht in den Verlauf
shell-terminal = das Terminal ist nicht benutzbar
shell-history = der Verlauf kann nicht in { $file } aufgehoben werden: { $reason }
shell-see-help = `help` zeigt die Befehle
shell-not-here = `{ $verb }` kann nicht aus der Shell heraus aufgerufen werden
shell-open-already = eine Transaktion ist schon offen
shell-not-open = keine Transaktion ist offen
shell-begin-first = `begin` öffnet eine
shell-end-first = zuerst die offene Transaktion mit `commit` oder `abort` beenden
shell-savepoint = Sicherungspunkt { $name }
shell-no-savepoint = es gibt keinen Sicherungspunkt { $name }
shell-aborted = { $count ->
    [0] die Transaktion hatte keine Änderungen
    [one] { $count } Änderung wurde verworfen
   *[other] { $count } Änderungen wurden verworfen
}
shell-still-open = { $count ->
    [one] die offene Transaktion hat { $count } Änderung: commit oder abort; noch einmal beenden verwirft sie
   *[other] die offene Transaktion hat { $count } Änderungen: commit oder abort; noch einmal beenden verwirft sie
}
shell-dropped = { $count ->
    [one] die Transaktion wurde nicht committet: { $count } Änderung ist verworfen
   *[other] die Transaktion wurde nicht committet: { $count } Änderungen sind verworfen
}
shell-no-changes = die Transaktion hat keine Änderungen
shell-not-in-transaction = `{ $verb }` geht nicht in einer offenen Transaktion, denn es wäre kein Teil von ihr
shell-changes-hint = `changes` zeigt, was die Transaktion ändert; um anderes zu vergleichen, Revisionen angeben
shell-other-store = in einer offenen Transaktion geht kein anderer Speicher
shell-commit-whole = eine Transaktion wird als Ganzes committet, und ohne das Vorgemerkte
shell-conflict-hint = die Transaktion ist noch offen: `changes` zeigt, was sie ändert, `get KEY --at head`, was committet ist; `rollback to SICHERUNGSPUNKT` oder `abort`, dann neu setzen, was noch gelten soll
shell-help =
    Nur in der Shell
      begin                 eine Transaktion öffnen: in ihr wird geändert, und Lesen sieht es
      savepoint [NAME]      die bisherigen Änderungen markieren
      rollback to NAME      zurücknehmen, was seit einem Sicherungspunkt geändert wurde
      commit [-m TEXT]      die Transaktion committen; ohne eine, was vorgemerkt ist
      abort, rollback       die Transaktion ohne Änderung beenden
      help [BEFEHL]         alle Befehle zeigen, oder wie einer aufgerufen wird
      exit, Strg-D          beenden
    Die Eingabezeile zählt das Vorgemerkte, cms(2)>, oder die Änderungen der offenen Transaktion, cms(+2)*>.
    Nach einem abgelehnten Commit ist sie cms(+2)!>.

shell-help-begin =
    begin: eine Transaktion auf dem neuesten Stand öffnen
      Änderungen geschehen in ihr und werden nicht vorgemerkt; get, show, list, search und export sehen sie.
      `commit` macht sie zu einer Revision, `abort` verwirft sie.
shell-help-savepoint =
    savepoint [NAME]: die bisherigen Änderungen markieren; ohne Namen wird gezählt
      `rollback to NAME` kehrt dahin zurück.
shell-help-rollback-to =
    rollback to NAME: zurücknehmen, was in der offenen Transaktion seit einem Sicherungspunkt geändert wurde
      `rollback` allein beendet die Transaktion wie `abort`.
shell-help-abort =
    abort: die offene Transaktion ohne Änderung beenden
shell-help-help =
    help [BEFEHL]: alle Befehle zeigen, oder wie einer aufgerufen wird
shell-help-exit =
    exit: die Shell beenden; auch Strg-D
shell-help-commit =
    In einer offenen Transaktion committet `commit` diese, ohne das Vorgemerkte. Wird sie abgelehnt, bleibt sie offen.

## Dateien, Rechte und das Protokoll

file-failed = { $file } ist nicht benutzbar
output-failed = die Ausgabe lässt sich nicht schreiben
io-failed = { $file }: { $attempt } ist nicht möglich
attempt-read = Lesen
attempt-write = Schreiben
attempt-open = Öffnen
attempt-list = Auflisten
attempt-list-the-modules-in = Auflisten der Module
attempt-read-the-module = Lesen des Moduls
attempt-lock = Sperren
attempt-look-at = Ansehen
attempt-open-the-lock = Öffnen der Sperre
attempt-create-the-directory = Anlegen des Verzeichnisses
attempt-give-to-its-owner = Übergeben an den Eigentümer
attempt-keep-a-rejected-edit-in = Aufheben einer abgelehnten Änderung
attempt-put-in-place = Einsetzen
attempt-read-the-staged-changes-in = Lesen des Vorgemerkten
attempt-remove-the-staged-changes-in = Entfernen des Vorgemerkten
attempt-remove = Entfernen
attempt-replace = Ersetzen
attempt-stage-in = Vormerken
attempt-sync = Sichern
attempt-sync-the-directory = Sichern des Verzeichnisses
package-unparsable = das Paket { $package } ist nicht lesbar
package-unparsable-hint = verbessern Sie die Zeilen; andere Pakete sind nicht betroffen
conflict = { $keys } wurde auch von { $author } in Revision { $revision } geändert; nichts wurde committet
conflict-hint = `cms changes` zeigt Ihre Änderungen, `cms revert KEY` nimmt sie zurück; setzen Sie dann neu, was noch gewünscht ist
undo-conflict-hint = `cms history KEY` zeigt, was darauf aufbaut; machen Sie das zuerst rückgängig, oder setzen Sie den Wert von Hand
not-owner = { $folder } gehört Benutzer { $owner }: nur er und root dürfen es ändern oder den Verlauf lesen
not-owner-hint = ein laufender cmsd schreibt für andere fest
untrusted = { $file } gehört Benutzer { $owner } und ist nicht vertrauenswürdig
no-home = Benutzer { $user } gehört das Konfigurationsverzeichnis, und er hat kein Heimatverzeichnis
no-home-hint = setzen Sie CMS_STATE_DIR
stage-damaged = das Vorgemerkte in { $file } ist bei Byte { $offset } beschädigt
stage-damaged-hint = räumen Sie { $file } beiseite, um neu zu beginnen; Festgeschriebenes ist nicht betroffen
files-pending = Revision { $revision } ist festgeschrieben, aber ihre Paketdateien ließen sich noch nicht schreiben
files-pending-hint = der nächste Befehl schreibt sie; `cms doctor` prüft
log-full = die Platte ist voll: nichts wurde committet
log-denied = das Protokoll darf nicht geschrieben werden
log-busy = ein anderer Prozess hält das Protokoll zu lange fest; versuchen Sie es noch einmal
log-damaged = das Protokoll ist beschädigt
log-damaged-hint = `cms doctor` sagt, wie weit, und was zu tun ist
log-no-revision = das Protokoll hat diese Revision nicht
log-compacted-hint = die Stände ab Revision { $first } sind lesbar; `cms compact --show` sagt, was das Protokoll von selbst behält
log-moved = jemand anders hat gleichzeitig festgeschrieben; versuchen Sie es noch einmal
log-failed = das Protokoll ist nicht benutzbar
transaction-expired = Transaktion { $transaction } sollte innerhalb von { $limit } committet werden; nichts wurde committet
transaction-expired-hint = neu beginnen, oder ihr mehr Zeit geben
too-many-subscribers = das Thema { $topic } hat { $limit } Abonnenten, so viele wie es haben darf
too-many-subscribers-hint = einen von ihnen beenden, oder die Grenze des Programms anheben, das abonniert
failed = der Aufruf ist gescheitert
internal = das darf nicht vorkommen: bitte melden Sie es
warning-unparsable = das Paket { $package } ist nicht lesbar; gezeigt wird es, wie es zuletzt lesbar war
warning-newer = die Datei des Pakets { $package } ist neuer als das Protokoll
warning-lost-edit = { $count ->
    [one] 1 von Hand gemachte Änderung am Paket { $package } widerspricht einem Commit und steht nur in Revision { $revision }
   *[other] { $count } von Hand gemachte Änderungen am Paket { $package } widersprechen einem Commit und stehen nur in Revision { $revision }
}
warning-unreadable = das Paket { $package } lässt sich nicht lesen: { $reason }
warning-other = { $words }
doctor-well = { $folder }: alles in Ordnung
doctor-log-notice-advice = nichts
doctor-log-history-advice = der neueste Zustand ist heil; ältere sind nicht alle lesbar. Die Platte prüfen, dann log.db beiseite legen, um mit den Paketdateien ein neues Protokoll zu beginnen
doctor-log-head-advice = die Paketdateien sind heil, wenn bei ihnen kein Fehler steht: log.db beiseite legen, und der nächste Befehl beginnt mit ihnen ein neues Protokoll
doctor-no-log = es gibt kein Protokoll: keine Geschichte, und Änderungen lassen sich nicht zurücknehmen
doctor-no-log-advice = jede Änderung mit cms legt eines an; prüfen, ob das Zustandsverzeichnis beschreibbar ist
doctor-not-owner = es gehört einem anderen (Benutzer { $owner }), deshalb wurde das Protokoll nicht geprüft
doctor-not-owner-advice = als Eigentümer oder als root aufrufen
doctor-state-open = andere dürfen hinein (Modus { $mode })
doctor-state-open-advice = chmod 700: das Protokoll enthält jeden Wert, den es je gab
doctor-state-owner = es gehört Benutzer { $owner }, die Konfiguration Benutzer { $expected }
doctor-state-owner-advice = mit chown -R dem Eigentümer des Konfigurationsverzeichnisses geben
doctor-package-unreadable = Paket { $package } ist nicht lesbar: { $reason }
doctor-package-unreadable-advice = cms doctor sagt, wie weit das Protokoll beschädigt ist, und was zu tun ist
doctor-pending-unknown-advice = nichts wird von selbst zurückgenommen; was nicht bestätigt wurde, von Hand zurücknehmen
doctor-overdue = Revision { $revisions } wurde nicht bestätigt und ist noch nicht zurückgenommen ({ $tokens })
doctor-overdue-advice = cms confirm --expire nimmt sie zurück oder sagt, warum das nicht geht
doctor-awaiting = Revision { $revisions } wartet auf Bestätigung ({ $tokens })
doctor-awaiting-unguarded = Revision { $revisions } wartet auf Bestätigung, und niemand wacht darüber ({ $tokens })
doctor-awaiting-advice = cms confirm behält sie, cms confirm --cancel nimmt sie zurück
doctor-cut-short = eine Ersetzung wurde unterbrochen
doctor-cut-short-advice = der nächste Befehl, der dieses Paket liest, bringt sie zu Ende
doctor-behind = die Datei ist älter als das Protokoll
doctor-behind-advice = jeder Befehl von cms schreibt sie; bleibt es dabei, die Rechte des Verzeichnisses prüfen
doctor-edited = ein anderes Programm hat die Datei geändert
doctor-edited-advice = der nächste Befehl von cms bringt die Änderung ins Protokoll
doctor-unparsable = die Datei ist nicht lesbar: { $fault }
doctor-unparsable-advice = die Zeile berichtigen; bis dahin wird das Paket gelesen, wie es zuletzt war, und nichts darin committet
doctor-file-unreadable-advice = die Rechte der Datei prüfen
health-log = Revision { $revision }, ihr neuester Stand ist lesbar
health-files = { $count ->
    [one] { $count } Paketdatei stimmt mit dem Protokoll überein
   *[other] { $count } Paketdateien stimmen mit dem Protokoll überein
}
health-segment = bei Revision { $revision }, wie das Protokoll
health-segment-old = das Segment ist bei Revision { $segment }, das Protokoll bei { $head }
health-segment-advice = das nächste Lesen bringt es auf den Stand des Protokolls
health-segment-none = es gibt kein Segment, Werte werden also aus dem Protokoll gelesen: { $reason }
health-segment-none-advice = die Rechte und den freien Platz von { $folder } prüfen
health-triggers = { $count ->
    [0] es gibt keine
    [one] { $count } Auslöser hat getan, was er zu tun hat
   *[other] { $count } Auslöser haben getan, was sie zu tun haben
}
health-trigger-failed = Auslöser { $trigger } ist nach Revision { $revision } gescheitert: { $reason }
health-trigger-behind = Auslöser { $trigger } lief zuletzt für Revision { $revision } und hat etwas zu tun
health-trigger-run = `cms trigger run` versucht es noch einmal
health-trigger-mend = die Sektion im Paket cms berichtigen
health-room = { $free } MiB sind frei, wo am wenigsten ist
health-room-little = nur { $free } KiB sind frei in { $folder }
health-room-files = in { $folder } lassen sich keine Dateien mehr anlegen
health-room-advice = Platz schaffen: `cms compact` kürzt den Verlauf, `cms memory defrag` das Segment
health-staged = { $count ->
    [one] Sie haben { $count } Änderung vorgemerkt
   *[other] Sie haben { $count } Änderungen vorgemerkt
}
health-staged-advice = `cms changes` zeigt sie, `cms commit` schreibt sie fest, `cms revert PAKET` verwirft sie
health-uci = uci hat Änderungen in { $folder } vorgemerkt: { $packages }
health-uci-advice = `cms commit --adopt-uci` übernimmt sie, `uci revert PAKET` verwirft sie
health-doctor = `cms doctor` sieht genauer nach
compact-nothing-said = nichts sagt, was zu behalten ist; nichts wurde aufgegeben
compact-nothing-said-hint = `cms compact --keep-commits 1000` behält die neuesten, `--keep-age 90d`, was jünger ist
compact-age = `{ $text }` ist kein Alter
compact-age-hint = zum Beispiel 12h, 90d oder 8w
compact-size = `{ $text }` ist keine Größe
compact-size-hint = zum Beispiel 64M oder 1G
compact-would = { $count ->
    [one] ein Commit würde aufgegeben
   *[other] { $count } Commits würden aufgegeben
}
compact-would-about = { $count ->
    [one] höchstens etwa ein Commit würde aufgegeben
   *[other] höchstens etwa { $count } Commits würden aufgegeben
}
compact-full = die Platte hat zu wenig Platz, um das Protokoll zu verdichten
compact-full-hint = schaffen Sie Platz und rufen Sie es noch einmal auf: es macht weiter, wo es stehen blieb, und kein Stand, der bleiben sollte, ist verloren
compact-done = { $count ->
    [one] { $count } Commit aufgegeben; das Protokoll nahm { $before } Bytes ein und nimmt { $after } ein
   *[other] { $count } Commits aufgegeben; das Protokoll nahm { $before } Bytes ein und nimmt { $after } ein
}
bench-get = einen Wert nach seinem Schlüssel lesen
bench-get-limit = eine Hashtabelle im Prozess
bench-handle = einen gebundenen Schlüssel lesen
bench-handle-limit = ein Blick auf ein Wort im Speicher
bench-commit = dauerhafter Commit einer Option
bench-commit-limit = Schreiben und fdatasync von 4 KiB
bench-files = dasselbe, mit der Paketdatei
bench-wake = vom Commit zum Ereignis in einem anderen Prozess
bench-wake-limit = fdatasync, und ein Byte durch eine Pipe
bench-meaning = gemessen an einem eigenen Speicher neben { $folder }, der nun wieder fort ist; die letzte Spalte sagt, wie viele Male so lang wie die Grenze etwas dauert: was nahe 1 ist, macht nur eine schnellere Platte oder Maschine schneller, und auf einer Platte, die nicht auf ihr Medium wartet, fallen die Commits stärker auf
bench-failed = die Messung war nicht möglich
bench-folder-hint = sie legt einen eigenen Speicher neben Ihrem an: mit --state-dir einen Ordner nennen, in den Sie schreiben dürfen
memory-shared = (gemeinsam)
memory-map = { $segment }: { $bytes } Bytes je Zeichen; H Kopf, I Index, S Symbole, # Inhalt, . frei oder nicht mehr in Gebrauch
memory-defragmented = aus { $before } Bytes wurden { $after }
memory-well = das Segment ist in Ordnung
memory-none-setting = es gibt kein Segment: die Pakete haben { $text } Bytes Text, und es wird für höchstens { $limit } angelegt; Werte werden aus dem Protokoll gelesen
memory-none-room = es gibt kein Segment: die Pakete haben { $text } Bytes Text, und der freie Platz im Laufzeitverzeichnis reicht für { $limit }; Werte werden aus dem Protokoll gelesen
memory-none-memory = es gibt kein Segment: die Pakete haben { $text } Bytes Text, und der verfügbare Speicher reicht für { $limit }; Werte werden aus dem Protokoll gelesen
memory-none-hint = CMS_SEGMENT_LIMIT bestimmt, für wie viel Text es angelegt wird, etwa 2G, und muss für alle gleich sein, die dieselbe Konfiguration benutzen

## Verlauf

kind-external = von einem anderen Programm geändert
kind-import = importiert
progress-import = Import
progress-commit = { $count ->
    [one] 1 Option
   *[other] { $count } Optionen
}
progress-backup = Sicherung
progress-verify = Prüfung
progress-restore = Einspielen
backup-done = { $file }: Revision { $last } von { $place }, { $commits ->
    [one] { $commits } Commit
   *[other] { $commits } Commits
    } nach Revision { $after }, { $bytes } Bytes, { $time }
backup-sound = { $file } ist heil: Revision { $last } von { $place }, { $commits ->
    [one] { $commits } Commit
   *[other] { $commits } Commits
    } nach Revision { $after }, { $bytes } Bytes, { $time }
backup-one-file = eine Sicherung geht in eine Datei
backup-base-gone-hint = das Protokoll führt von dort nicht mehr weiter: machen Sie eine vollständige Sicherung, die spätere fortsetzen können: cms backup DATEI
backup-overtaken-hint = was sie enthalten sollte, wurde aufgegeben, während sie geschrieben wurde: machen Sie sie noch einmal, am besten in eine Datei
backup-one-file-hint = mehrere sind für --verify: cms backup --verify DATEI...
backup-terminal = eine Sicherung gehört nicht auf ein Terminal
backup-terminal-hint = nennen Sie eine Datei, oder senden Sie sie weiter: cms backup - | ssh HOST 'cat > DATEI'
backup-failed = die Sicherung { $file } ließ sich nicht schreiben oder lesen
backup-none = { $file } ist keine Sicherung von cms; nichts wurde geändert
backup-newer = { $file } hat die Formatversion { $found }, dieses Programm kennt Versionen bis { $known }; nichts wurde geändert
backup-newer-hint = nehmen Sie die Version von cms, die sie geschrieben hat, oder eine neuere
backup-unfinished = { $file } endet bei Byte { $offset }, vor ihrem Ende: sie wurde nicht fertig oder ist abgeschnitten; nichts wurde geändert
backup-damaged = { $file } ist bei Byte { $offset } beschädigt: { $what }; nichts wurde geändert
backup-damaged-hint = kopieren Sie sie noch einmal von dort, wo sie entstand, oder nehmen Sie eine andere; `cms backup --verify DATEI` sagt, ob eine heil ist
backup-not-next = { $file } setzt eine Sicherung fort, die mit Revision { $revision } endet; nichts wurde geändert
backup-not-next-hint = nennen Sie die Sicherungen der Reihe nach, eine ganze zuerst: cms restore GANZE NÄCHSTE...
backup-whole-later = { $file } ist eine ganze Sicherung und setzt keine fort; nichts wurde geändert
backup-other-store = { $file } ist die Sicherung eines anderen Speichers; nichts wurde geändert
backup-other-store-hint = `cms restore --yes` spielt sie trotzdem ein, als Commit, der sich umkehren lässt
backup-other-history = das Protokoll hat eine andere Revision { $revision } als { $file }
backup-other-history-hint = machen Sie eine ganze Sicherung, ohne --since
restore-not-sure = --replace-history gibt den Verlauf des Speichers auf, und was vorgemerkt ist; nichts wurde geändert
restore-not-sure-hint = mit --yes geschieht es, --dry-run zeigt, was sich ändern würde
restore-planned = würde Revision { $revision } mit ihrem Verlauf wiederherstellen
restore-done = { $count ->
    [one] { $count } Paket
   *[other] { $count } Pakete
    } und ihr Verlauf bis Revision { $revision } sind wiederhergestellt
kind-rollback = zurück zu Revision { $revision }
kind-undo = Revision { $revision } umgekehrt
kind-undo-range = Revisionen { $from } bis { $to } umgekehrt
blame-older = älter als das Protokoll

## Fehler in UCI-Text, nach ihrem Code

diagnostic-no-value = ein Schlüssel ohne Wert
diagnostic-no-key = der Schlüssel fehlt
diagnostic-foreign-name = das kann kein Name einer Sektion oder Option sein
diagnostic-foreign-type = das kann kein Typ einer Sektion sein
diagnostic-foreign-package = das kann kein Name eines Pakets sein
diagnostic-short-key = der Schlüssel hat zu wenige Teile, um eine Option zu benennen
diagnostic-empty-part = ein Teil des Schlüssels ist leer
diagnostic-key-twice = das steht ein zweites Mal da
diagnostic-bad-header = das ist kein Kopf einer Sektion
diagnostic-after-quote = ein Wort hinter den Anführungszeichen
diagnostic-bad-escape = das ist hinter einem Backslash nicht bekannt
diagnostic-unclear-comment = ein Kommentar oder ein Teil des Werts
diagnostic-continued-line = eine Zeile, die weitergeht oder mit einem Backslash endet
diagnostic-utf-16 = der Text ist UTF-16
diagnostic-field-count = die Zeile hat nicht so viele Felder wie die erste
diagnostic-no-column = die erste Zeile hat keine solche Spalte
diagnostic-quote-in-field = ein Anführungszeichen in einem Feld ohne solche
diagnostic-bad-base64 = das ist kein base64
diagnostic-part-of-dump = der Abzug ist nicht vollständig
diagnostic-invalid-command = ungültiger Befehl
diagnostic-missing-word = ein Wort fehlt
diagnostic-extra-word = ein Wort zu viel
diagnostic-invalid-type = dieses Zeichen kann ein Typ nicht haben
diagnostic-invalid-name = dieses Zeichen kann ein Name nicht haben
diagnostic-option-before-section = option oder list vor der ersten Sektion
diagnostic-type-mismatch = eine Sektion dieses Namens gibt es mit einem anderen Typ
diagnostic-unterminated-quote = der Text endet innerhalb von Anführungszeichen
diagnostic-missing-package = keine Zeile sagt, welches Paket das ist
diagnostic-nul-byte = ein NUL-Byte
advice-no-value = SCHLÜSSEL = WERT schreiben
advice-no-key = SCHLÜSSEL = WERT schreiben
advice-foreign-name = Namen bestehen aus Buchstaben, Ziffern und `_`; --fit-names macht die anderen zu `_`
advice-foreign-type = Typen bestehen aus sichtbaren ASCII-Zeichen; --fit-names macht die anderen zu `_`
advice-foreign-package = --package PAKET legt alles in eines; --fit-names macht unerlaubte Zeichen zu `_`
advice-short-key = ein Schlüssel ist PAKET/SEKTION/OPTION, oder mit --package SEKTION/OPTION
advice-empty-part = jeder Teil hat einen Namen
advice-bad-header = [NAME] oder [TYP "NAME"] schreiben
advice-after-quote = den ganzen Wert in Anführungszeichen setzen
advice-bad-escape = \\ für einen Backslash schreiben oder einfache Anführungszeichen nehmen
advice-unclear-comment = den Wert in Anführungszeichen setzen, oder --inline-comments yes oder no angeben
advice-continued-line = den Wert in Anführungszeichen und in eine Zeile setzen
advice-utf-16 = umwandeln: iconv -f UTF-16 -t UTF-8
advice-field-count = ein Feld mit dem Trennzeichen darin steht in Anführungszeichen; --separator nennt ein anderes
advice-no-column = --name-column nennt eine von diesen
advice-quote-in-field = das Feld in Anführungszeichen setzen und die darin verdoppeln
advice-bad-base64 = der Abzug ist beschädigt: noch einmal machen
advice-part-of-dump = ohne --limit machen
advice-invalid-command = eine Zeile beginnt mit config, option, list oder package
advice-missing-word = schreiben Sie config TYP [NAME], option NAME WERT oder list NAME WERT
advice-extra-word = setzen Sie einen Wert mit Leerzeichen in Anführungszeichen
advice-invalid-type = Typen bestehen aus sichtbaren ASCII-Zeichen
advice-invalid-name = Namen bestehen aus Buchstaben, Ziffern und `_`
advice-option-before-section = beginnen Sie mit einer Zeile config TYP [NAME]
advice-type-mismatch = geben Sie der Sektion einen anderen Namen oder denselben Typ
advice-unterminated-quote = das hier geöffnete Anführungszeichen wird nie geschlossen
advice-missing-package = beginnen Sie mit einer Zeile package NAME, oder nennen Sie das Paket
advice-nul-byte = die Datei ist beschädigt oder kein Text

## Schemas

refused = { $count ->
    [one] ein Schema erlaubt das nicht: nichts wurde committet
   *[other] Schemas erlauben das aus { $count } Gründen nicht: nichts wurde committet
}
refused-hint = `cms explain { $code }` sagt mehr; was vorgemerkt ist, bleibt vorgemerkt; --validate warn committet es trotzdem
schema-invalid = { $count ->
    [one] das Schema hat einen Fehler und wird nicht benutzt
   *[other] das Schema hat { $count } Fehler und wird nicht benutzt
}
explain-hint = `cms explain { $code }` sagt mehr
explain-unknown = es gibt keinen Code `{ $code }`
explain-what-hint = `cms explain` listet die Codes auf; eine Option ist PAKET.SEKTION.OPTION
explain-from = Herkunft
explain-section = In Sektion
explain-configured = gesetzt
explain-staged = vorgemerkt, noch nicht committet
explain-default = Vorgabe: sie ist nicht gesetzt
explain-default-staged = Vorgabe: gelöscht, noch nicht committet
explain-absent = nicht gesetzt, und es gibt keine Vorgabe
explain-absent-staged = gelöscht, noch nicht committet; es gibt keine Vorgabe
explain-secret = (geheim)
explain-no-module = kein Schema kennt es
explain-changed = Zuletzt geändert
explain-unchanged = nicht in der Geschichte
explain-trigger = Trigger
schema-sound = { $count ->
    [one] { $file }: Modul { $module } { $version }, { $count } Feld, kein Fehler
   *[other] { $file }: Modul { $module } { $version }, { $count } Felder, kein Fehler
}
schema-none = für das Paket { $package } gibt es kein Schema
schema-infer-hint = `cms schema infer { $package }` entwirft eines
schema-no-type = in den Schemas für das Paket { $package } gibt es keinen Sektionstyp `{ $kind }`
schema-no-option = für Sektionen vom Typ { $kind } gibt es keine Option `{ $option }`
schema-no-options = das Schema deklariert für diesen Typ keine Optionen
schema-several = für das Paket { $package } gibt es mehrere Module; eines ist zu nennen
schema-embedded = das Schema liegt im Paket { $package } selbst
schema-embedded-hint = `cms export { $package }` gibt es mit dem Paket aus
schema-infer-several = ausgegeben wird immer nur ein Schema
schema-infer-several-hint = --add registriert alle, --as PAKET nimmt sie als Beispiele für ein Paket
schema-left-out = weggelassen: { $what }
left-out-keyword = `{ $name }` wird nicht übernommen
left-out-format = das Format `{ $name }` ist nicht bekannt
left-out-pattern = das Muster ist nicht zu gebrauchen: { $reason }
left-out-type = `{ $name }` ist kein Sektionstyp
left-out-option = `{ $name }` ist kein Name einer Option
left-out-condition = die Bedingung, unter der `{ $name }` nötig ist, kann ein Schema nicht sagen
left-out-absent = die Bedingung gilt auch, wo `{ $name }` fehlt; das wird nicht übernommen
left-out-reference = `{ $name }` führt im Dokument nirgendwohin
schema-no-json = { $file } ist kein JSON: Zeile { $line }, Spalte { $column }
schema-import-empty = { $file } beschreibt keine Sektionstypen: ein Paket ist ein Objekt aus ihnen
schema-import-unnamed = { $file } sagt nicht, für welches Paket es ist: --as PAKET nennt es
schema-versions = Modul { $module }: von { $from } zu { $to }
schema-step = { $count ->
    [one] { $step }: { $count } Sektion
   *[other] { $step }: { $count } Sektionen
}
schema-sql = { $count ->
    [one] { $statement }: { $count } Zeile
   *[other] { $statement }: { $count } Zeilen
}
schema-table-restored = { $count ->
    [one] Tabelle { $table } wie zuvor: { $count } Zeile
   *[other] Tabelle { $table } wie zuvor: { $count } Zeilen
}
schema-sql-failed = Modul { $module }: Anweisung { $number } des SQL zu Version { $version }: { $reason }
schema-sql-back-failed = Modul { $module }: Anweisung { $number } des SQL zurück von Version { $version }: { $reason }
schema-sql-failed-hint = geändert wurde nichts; die Anweisung: { $statement }
schema-tables-changed = Modul { $module } wird nicht zurückgenommen: was Version { $version } an Tabellen getan hat, kommt nicht zurück, weil sie seither geändert wurden: { $tables }
schema-table-changed = { $table } in Revision { $revision } von { $author }
schema-tables-forgotten = Modul { $module } wird nicht zurückgenommen: was Version { $version } an Tabellen getan hat, kommt nicht zurück, weil das Log keinen Stand der Version { $to } hat
schema-tables-hint = der Migration zu { $version } ein `rollback_sql` geben, das sagt, wie
schema-conflict = { $key }: { $reason }
schema-more-conflicts = { $count ->
    [one] und { $count } weiterer
   *[other] und { $count } weitere
}
schema-conflict-taken = bleibt, weil dort schon etwas anderes steht, wohin es käme
schema-conflict-form = bleibt, weil der Wert nicht die Form hat, die der Schritt liest, oder keine genaue Entsprechung
schema-conflict-incomplete = bleibt, weil nicht alle Optionen da sind, die vereint würden
schema-conflict-no-target = bleibt, weil es keine Sektion gibt, in die es käme
schema-conflict-default-unknown = bleibt, weil der Vorgabewert einer der Versionen nicht bekannt ist
schema-conflict-lost = kommt nicht zurück: was entfernt wurde, steht in keinem Stand, den das Log noch hat
schema-conflicts = { $count ->
    [one] Modul { $module } wird nicht migriert: { $count } Konflikt: { $first }
   *[other] Modul { $module } wird nicht migriert: { $count } Konflikte, der erste: { $first }
}
schema-conflicts-hint = `cms schema plan { $module }` zeigt alle; ohne --validate enforce bleiben sie stehen und werden gemeldet
schema-newer = die Daten des Moduls { $module } haben Version { $data }, sein Schema nur { $schema }
schema-newer-hint = das Schema der Version { $data } wieder installieren; mit ihm führt `cms schema rollback` zurück
schema-no-path = Modul { $module }: { $reason }
schema-no-path-hint = `cms schema migrate --from VERSION` sagt, welche Version die Daten haben, wenn sie es nicht selbst sagen
schema-no-version = { $version } ist keine Version
schema-no-version-hint = MAJOR.MINOR.PATCH schreiben, zum Beispiel 1.2.0
schema-nothing = nichts zu migrieren
schema-plan-hint = `cms schema plan` zeigt, was sich ändern würde, `cms schema migrate` ändert es
schema-rollback-none = kein Modul hat Daten, die ihre Version nennen, also gibt es nichts zurückzunehmen
schema-rollback-which = es fehlt, welches Modul zurückgenommen werden soll
schema-status-none = es gibt kein Modul ohne Fehler
module-none = es gibt kein Modul { $module }
module-list-hint = `cms module list` zeigt, welche es gibt
module-list-none = in { $folders } ist kein Modul registriert
module-show-hint = `cms module show { $module }` sagt, was falsch ist
module-newer = Modul { $module } { $version } ist älter als { $newer }, das in { $file } registriert ist
module-newer-hint = --force registriert es trotzdem
module-added = Modul { $module } { $version } ist registriert in { $file }
module-replaced = es tritt an die Stelle von Version { $version }
module-hides = es verdeckt das in { $file }
module-validate-hint = `cms validate { $packages }` prüft, was da ist
module-removed = Modul { $module } ist entfernt: { $file }
module-remains = von nun an gilt das in { $file }, das es verdeckt hatte
field-required = nötig
field-unique = eindeutig
field-distinct = kein Eintrag doppelt
field-secret = geheim
field-read-only = nur zu lesen
field-write-once = nur einmal zu setzen
field-deprecated = veraltet
field-replaced = veraltet: stattdessen { $name }
type-list = Liste von { $name }
type-words = { $name }, mehrere mit Leerzeichen dazwischen
names-all = mit Namen
names-none = ohne Namen
label-yes = ja
label-choices = Erlaubt
label-items = Einträge
label-unit = Einheit
label-special = Besonders
label-required-if = Nötig, wenn
label-excludes = Schließt aus
label-refers-to = Verweist auf
label-reload = Neu laden
label-deprecated = Weil
label-unknown = Unbekannte Optionen
label-created = Erstellt
label-tables = Tabellen
label-cache = Cache
label-clients = Clients
label-signed = Signiert
validate-as-one = --as ist für eine Datei
validate-no-schema = für { $packages } gibt es kein Schema: nur die Syntax wurde geprüft
validate-done = { $packages } geprüft: { $errors }, { $warnings }

## Arten von Befunden, nach ihrem Code

code-CMS0101 = unbekannte Option
code-CMS0102 = unbekannter Sektionstyp
code-CMS0103 = eine erforderliche Option fehlt
code-CMS0104 = eine Liste, wo ein einzelner Wert hingehört
code-CMS0105 = nicht von der richtigen Form
code-CMS0106 = außerhalb des Bereichs
code-CMS0107 = zu lang oder zu kurz
code-CMS0108 = keiner der möglichen Werte
code-CMS0109 = passt nicht zum Muster
code-CMS0110 = verweist auf etwas, das es nicht gibt
code-CMS0111 = nicht eindeutig
code-CMS0112 = neben einer anderen Option erforderlich
code-CMS0113 = zwei Optionen schließen einander aus
code-CMS0114 = die Option ist überholt
code-CMS0115 = zu viele oder zu wenige Sektionen
code-CMS0116 = eine Sektion mit Namen oder ohne
code-CMS0117 = zu viele oder zu wenige Einträge
code-CMS0118 = die Option darf nicht geändert werden
code-CMS0119 = eine Regel des Programms gilt nicht
code-CMS0120 = ein Eintrag zweimal in einer Liste
code-CMS0121 = der Name einer Sektion ist nicht von der richtigen Form
code-CMS0122 = ein Wert, der nicht erlaubt ist
code-CMS0130 = die Daten gehören zu einem neueren Schema
code-CMS0201 = kein Modul
code-CMS0202 = mehr als ein Modul
code-CMS0203 = unbekannte Option in einem Schema
code-CMS0204 = unbekannter Sektionstyp in einem Schema
code-CMS0205 = unbekannte Regel
code-CMS0206 = eine Regel mit einem Argument, das keinen Sinn ergibt
code-CMS0207 = ein Feld ist zweimal deklariert
code-CMS0208 = eine Eigenschaft mit einem Wert, der keinen Sinn ergibt
code-CMS0209 = ein Feld gehört zu einem Sektionstyp, der nicht deklariert ist
code-CMS0210 = eine Bedingung nennt eine Option, die nicht deklariert ist
code-CMS0211 = ein Vorgabewert bricht die Regeln seines Feldes
code-CMS0212 = Regeln, die nicht lesbar sind
code-CMS0213 = ein Muster, das nicht lesbar ist
code-CMS0214 = ein Feld oder Sektionstyp ohne Namen
code-CMS0215 = ein Schema in einer neueren Sprache
code-CMS0230 = ein Schritt einer Migration, der nicht zu lesen ist
code-CMS0231 = eine Migration, die nirgends hinführt
code-CMS0232 = SQL einer Migration, das nicht zu lesen ist

## Was die Codes bedeuten: wie docs/diagnostics.md

explanation-invalid-command = Eine Zeile beginnt mit `package`, `config`, `option` oder `list` (oder deren Anfangsbuchstaben). Kommentare beginnen mit `#`.
explanation-missing-word = `config` braucht einen Typ, `option` und `list` brauchen einen Namen. Ein leeres Wort in Anführungszeichen zählt hier als fehlend.
explanation-extra-word = Auf einen Befehl folgen höchstens zwei Wörter. Ein Wert mit Leerzeichen gehört in Anführungszeichen.
explanation-invalid-type = Typen bestehen aus sichtbaren ASCII-Zeichen.
explanation-invalid-name = Namen von Sektionen und Optionen bestehen aus Buchstaben, Ziffern und `_`. Meistens ist ein Bindestrich schuld.
explanation-option-before-section = Jede Option gehört zu der `config`-Zeile über ihr; hier gibt es noch keine.
explanation-type-mismatch = Sektionen eines Namens sind eine einzige Sektion und müssen deshalb von einem Typ sein. Eine von beiden braucht einen anderen Namen.
explanation-unterminated-quote = Der Text endet innerhalb von Anführungszeichen. Gezeigt wird, wo sie geöffnet wurden; der Fehler liegt oft eine oder zwei Zeilen darunter.
explanation-missing-package = Was `import` liest, beginnt mit einer Zeile `package NAME`, wenn der Name nicht angegeben ist.
explanation-nul-byte = Kein Konfigurationstext enthält eines: Die Datei ist beschädigt oder kein Text. Das kommt vor, wenn einer Platte der Strom ausfällt.
explanation-section-too-long = Sie ist in zwei zu teilen.
explanation-no-value = Eine Zeile einer solchen Datei hat einen Schlüssel, `=` und einen Wert.
explanation-no-key = Eine Zeile einer solchen Datei hat vor dem `=` einen Schlüssel.
explanation-foreign-name = Namen bestehen aus Buchstaben, Ziffern und `_`. Mit `--fit-names` steht `_` für jedes andere Zeichen.
explanation-foreign-type = Typen bestehen aus sichtbaren ASCII-Zeichen. Mit `--fit-names` steht `_` für jedes andere Zeichen.
explanation-foreign-package = Namen von Paketen bestehen aus sichtbaren ASCII-Zeichen ohne `.` und `/`. `--package` bringt alles in ein einziges Paket anderen Namens.
explanation-short-key = Ein Schlüssel ist PAKET/SEKTION/OPTION, oder SEKTION/OPTION, wenn `--package` das Paket nennt. `--prefix` muss diese Teile übrig lassen.
explanation-empty-part = Zwei Trennzeichen folgen aufeinander, oder der Schlüssel endet mit einem und hat einen Wert.
explanation-key-twice = Eine Option hat einen Wert, und eine Sektion einen Namen. Mit `--fit-names` können aus zwei Namen einer geworden sein. Nur `ini` und `csv` haben Listen.
explanation-bad-header = Ein Kopf ist `[NAME]` oder `[TYP "NAME"]`, und dahinter steht höchstens ein Kommentar.
explanation-after-quote = Hinter dem schließenden Anführungszeichen darf nur ein Kommentar stehen, in einer Tabelle nur ein Trennzeichen: Der ganze Wert gehört in Anführungszeichen.
explanation-bad-escape = Auf einen umgekehrten Schrägstrich in doppelten Anführungszeichen folgt `\\`, `\"`, `n`, `r` oder `t`, in `.env` auch `$`. In einfachen Anführungszeichen ist er ein Zeichen wie andere.
explanation-unclear-comment = Wer INI liest, liest das verschieden. Der Wert gehört in Anführungszeichen, oder `--inline-comments yes` oder `no` sagt, was gilt.
explanation-continued-line = Wer INI liest, liest das verschieden. Der Wert gehört in eine Zeile und in Anführungszeichen.
explanation-utf-16 = Seine Buchstaben sind keine Bytes. Umwandeln mit `iconv -f UTF-16 -t UTF-8`.
explanation-field-count = Eine Zeile hat so viele Felder wie die erste. Ein Feld mit einem Trennzeichen darin steht in Anführungszeichen.
explanation-no-column = `--name-column` nennt keine der Spalten der ersten Zeile.
explanation-quote-in-field = Ein Feld mit Anführungszeichen darin steht selbst in solchen, und die darin sind verdoppelt.
explanation-bad-base64 = Der Auszug ist beschädigt, oder er stammt nicht von `etcdctl get -w json` oder `consul kv export`.
explanation-part-of-dump = Er wurde mit einer Grenze gezogen und enthält nicht alle Schlüssel. Ihn zu importieren würde die anderen entfernen.
explanation-bad-json = Es ist kein JSON, oder ein anderes Dokument als das, was `etcdctl get -w json` oder `consul kv export` ausgeben.
explanation-CMS0101 = Das Schema deklariert für Sektionen dieses Typs keine solche Option. Entweder ist sie vertippt (dann nennt der Befund, was ihr am nächsten kommt), oder das Schema kennt sie noch nicht: Sie lässt sich mit `config field` deklarieren, oder in einem eigenen Modul, welches das Paket erweitert. `option unknown` des Moduls oder der Sektion entscheidet, ob das erlaubt, eine Warnung oder ein Fehler ist.
explanation-CMS0102 = Das Schema deklariert Sektionstypen, und dieser ist keiner davon. Bei einem vertippten Typ liest kein Programm die Sektion.
explanation-CMS0103 = Sektionen dieses Typs sind ohne diese Option nutzlos. Eine Option mit leerem Wert ist dasselbe wie keine Option.
explanation-CMS0104 = Die Option ist mit `list` geschrieben, und wer sie liest, nimmt einen einzigen Wert. Sie gehört in eine Zeile mit `option`.
explanation-CMS0105 = Der Wert ist nicht, was die Regel verlangt: eine Zahl, eine Adresse, ein Name und so weiter. Der Befund sagt, was richtig wäre.
explanation-CMS0106 = Der Wert hat die richtige Form und ist zu klein oder zu groß.
explanation-CMS0107 = Der Wert hat mehr oder weniger Zeichen (oder Bytes, bei `size`), als erlaubt sind.
explanation-CMS0108 = Nur manche Werte haben hier eine Bedeutung. Groß- und Kleinschreibung zählt.
explanation-CMS0109 = Der ganze Wert muss zu dem regulären Ausdruck passen, oder darf nicht dazu passen.
explanation-CMS0110 = Der Wert ist der Name einer Sektion oder steht in einer Option von einer, in diesem Paket oder einem anderen; nach dieser Änderung gibt es keine solche. Gefunden wird das von beiden Enden: wenn der Verweis entsteht, und wenn das, worauf er verweist, entfernt oder umbenannt wird.
explanation-CMS0111 = Eine andere Sektion desselben Typs hat denselben Wert, und die beiden müssen sich unterscheiden.
explanation-CMS0112 = Die Option ist nur unter einer Bedingung nötig, und die Bedingung ist erfüllt.
explanation-CMS0113 = Die beiden haben zusammen keine Bedeutung. Eine ist zu entfernen.
explanation-CMS0114 = Sie wirkt noch, aber nicht für immer. Der Befund nennt, was stattdessen zu verwenden ist, wenn es so etwas gibt.
explanation-CMS0115 = Das Schema sagt, wie viele Sektionen dieses Typs es geben darf.
explanation-CMS0116 = Manche Typen werden über ihren Namen gefunden und brauchen einen; von anderen wird eine nach der anderen gelesen, und ein Name würde etwas anderes nahelegen.
explanation-CMS0117 = Das Schema sagt, wie viele Einträge die Liste haben darf.
explanation-CMS0118 = Ihr Zugriff ist `read-only`, oder er ist `write-once` und sie wurde schon geschrieben.
explanation-CMS0119 = Die Regel ist in Rust geschrieben und wurde vom Programm registriert. Der Befund enthält ihre Worte.
explanation-CMS0120 = Die Einträge der Liste müssen sich unterscheiden.
explanation-CMS0121 = Das Schema hat Regeln für die Namen dieser Sektionen.
explanation-CMS0122 = Eine Regel mit `!` oder `not` sagt, was der Wert nicht sein darf.
explanation-CMS0130 = Das Paket `cms` sagt, dass eine neuere Version des Moduls diese Daten migriert hat. Was das installierte Schema von ihnen sagt, kann falsch sein. Das neuere Modul wieder installieren, oder die Daten zurücknehmen, solange es installiert ist: `cms schema rollback`.
explanation-CMS0201 = Ein Schema beginnt mit `config module 'NAME'`.
explanation-CMS0202 = Eine Datei deklariert ein Modul. Sie ist in zwei zu teilen.
explanation-CMS0203 = `config module`, `config section` und `config field` haben die Optionen, die docs/schema.md aufzählt, und keine anderen.
explanation-CMS0204 = Eine Schemadatei hat Sektionen der Typen `module`, `section`, `fields`, `field` und `migration`.
explanation-CMS0205 = Es gibt keine Regel dieses Namens, oder das Programm, das sie hat, hat sie nicht registriert.
explanation-CMS0206 = Es sind zu viele oder zu wenige Argumente, oder eines hat nicht die richtige Form.
explanation-CMS0207 = UCI fügt Sektionen eines Namens zusammen: Zwei `config field 'x'` sind ein Feld. Die Felder bleiben besser ohne Namen und bekommen `option name 'x'`, oder sie stehen in den `config fields` ihrer Sektionstypen.
explanation-CMS0208 = Der Befund sagt, welche Werte sie haben darf.
explanation-CMS0209 = Das Schema deklariert Sektionstypen, und dieser ist keiner davon.
explanation-CMS0210 = `required_if`, `excludes` und `replaced_by` handeln von Optionen desselben Sektionstyps.
explanation-CMS0211 = Was gilt, wenn nichts geschrieben ist, muss etwas sein, das geschrieben werden könnte.
explanation-CMS0212 = Eine Klammer oder ein Anführungszeichen ist nicht geschlossen, oder eine Regel ist leer. Die Grammatik steht in docs/schema.md.
explanation-CMS0213 = Das Muster ist kein regulärer Ausdruck, schaut voraus oder zurück, verweist auf Gefundenes, oder bräuchte zu viel Speicher.
explanation-CMS0214 = Es braucht einen: `config field 'NAME'` oder `option name 'NAME'`.
explanation-CMS0215 = Es wurde für eine neuere Version dieses Programms geschrieben.
explanation-CMS0230 = Ein Schritt ist ein Verb und worum es geht, etwa `rename TYP.OPTION NEU`. docs/migrations.md zählt sie auf.
explanation-CMS0231 = Eine Migration sagt in `to`, welche Version die Daten danach haben: über `from`, nicht über der des Moduls, und keine zwei zur selben.
explanation-CMS0232 = `sql` und `rollback_sql` enthalten Skripte, die Zeilen ändern, in dem SQL, das docs/tables.md erlaubt, oder je eines von `create table`, `alter table` und `drop table`, wie docs/migrations.md sie schreibt.

# Tabellen

table-action = list, show, query, history, create, alter, drop, insert, update, delete oder sql; was etwas ändert, schreibt sofort fest, mit -m
table-name = Die Tabelle: NAME oder PAKET.NAME; bei sql das Skript
table-words = create: Spalten als 'NAME TYP [REGELN]'; insert: SPALTE=WERT …; update: SCHLÜSSEL SPALTE=WERT …; delete: SCHLÜSSEL …; query: SPALTE=WERT, auch mit != < <= > >= ^= (beginnt mit), SPALTE? (hat einen Wert), '!SPALTE?' (hat keinen); history: SCHLÜSSEL
table-key = Die Spalten des Schlüssels einer neuen Tabelle; sonst die erste
table-unique = Ein Index, in dem keine zwei Zeilen die gleichen Werte haben; mehrmals möglich
table-index = Ein Index zum Suchen und Sortieren; mehrmals möglich
table-no-index = Den Index dieser Spalten entfernen
table-add = alter: eine Spalte anfügen, als 'NAME TYP [REGELN]'
table-drop = alter: eine Spalte entfernen
table-default = alter: der Wert einer neuen Spalte in den vorhandenen Zeilen
table-null = update: einer Spalte den Wert nehmen
table-order = query: nach einer Spalte sortieren, mit - rückwärts; mehrmals möglich
table-limit = Höchstens so viele Zeilen oder Commits
table-offset = query: so viele Zeilen zuerst übergehen
table-csv = insert: die Zeilen einer CSV-Datei, deren erste Zeile die Spalten nennt; - liest die Standardeingabe
table-replace = insert: Zeilen an die Stelle derer mit den gleichen Schlüsseln setzen
table-script = sql: das Skript einer Datei; - liest die Standardeingabe
table-which = die Tabelle fehlt
table-which-hint = `cms table list` zeigt die Tabellen
table-no-value = `{ $text }` gibt keiner Spalte einen Wert
table-no-value-hint = SPALTE=WERT schreiben
table-no-key = der Schlüssel der Zeile fehlt
table-no-key-hint = die Werte der Schlüsselspalten angeben, durch Kommas getrennt
table-no-script = das Skript fehlt oder ist doppelt angegeben
table-no-script-hint = `cms table sql 'SELECT …'` oder `cms table sql --script DATEI` schreiben
table-none = es gibt keine Tabellen (cms table create)
table-rows = { $count ->
    [one] { $count } Zeile
   *[other] { $count } Zeilen
}
table-refused = { $reason }
table-script-refused = { $reason }
table-script-hint = nichts wurde geändert; `cms help table` und die Seite über Tabellen sagen, welches SQL es gibt
csv-open = Zeile { $line } der CSV: ein Anführungszeichen wird geöffnet und nicht geschlossen
csv-behind-quote = Zeile { $line } der CSV: hinter einem schließenden Anführungszeichen folgt etwas
csv-fields = Zeile { $line } der CSV hat { $found } Felder, die erste Zeile { $wanted }
csv-value = Zeile { $line } der CSV: { $reason }
title-table = Tabelle
title-rows = Zeilen
title-columns = Spalten
