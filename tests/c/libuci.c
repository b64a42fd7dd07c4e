/* libuci's interface, as programs use it. */

#include <uci.h>

#include <sys/stat.h>

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);   \
            uci_perror(ctx, "last error");                                    \
            exit(1);                                                          \
        }                                                                     \
    } while (0)
#define CHECK_TEXT(text, expected)                                                                       \
    do {                                                                                                 \
        const char *found_ = (text);                                                                     \
        if (found_ == NULL || strcmp(found_, (expected)) != 0) {                                         \
            fprintf(stderr, "%s:%d: '%s', not '%s'\n", __FILE__, __LINE__, found_ ? found_ : "(null)", (expected)); \
            exit(1);                                                                                     \
        }                                                                                                \
    } while (0)

static struct uci_context *ctx;
static char path[4096];

static void write_file(const char *name, const char *text)
{
    snprintf(path, sizeof path, "%s/%s", getenv("CMS_TEST_CONFIG"), name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static const char *file_text(const char *name)
{
    static char text[65536];
    FILE *file = fopen(name, "r");
    if (file == NULL)
        return NULL;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static struct uci_ptr lookup(const char *text)
{
    /* Kept: the pointer leads into them. */
    static char kept[64][256];
    static int next;
    struct uci_ptr ptr;
    char *mine = kept[next++ % 64];
    snprintf(mine, sizeof kept[0], "%s", text);
    CHECK(uci_lookup_ptr(ctx, &ptr, mine, true) == UCI_OK);
    return ptr;
}

static void walking(void)
{
    struct uci_package *network;
    struct uci_element *e, *item;
    struct uci_section *s;
    CHECK(uci_load(ctx, "network", &network) == UCI_OK);
    CHECK_TEXT(network->e.name, "network");
    int count = 0;
    uci_foreach_element(&network->sections, e) {
        s = uci_to_section(e);
        CHECK(s != NULL && s->package == network);
        CHECK(count != 0 || (strcmp(e->name, "lan") == 0 && strcmp(s->type, "interface") == 0 && !s->anonymous));
        CHECK(count != 1 || (s->anonymous && strncmp(e->name, "cfg02", 5) == 0));
        count++;
    }
    CHECK(count == 3);
    count = 0;
    uci_foreach_sections(network, "route", e, s) {
        CHECK(strcmp(uci_lookup_option_string(ctx, s, "target"), count == 0 ? "10.0.0.0/8" : "0.0.0.0/0") == 0);
        count++;
    }
    CHECK(count == 2);
    s = uci_lookup_section(ctx, network, "lan");
    CHECK(s != NULL && uci_lookup_section(ctx, network, "none") == NULL && ctx->err == UCI_ERR_NOTFOUND);
    struct uci_option *o = uci_lookup_option(ctx, s, "dns");
    CHECK(o != NULL && o->type == UCI_TYPE_LIST && o->section == s);
    count = 0;
    uci_foreach_element(&o->v.list, item)
        CHECK(strcmp(item->name, count++ == 0 ? "9.9.9.9" : "1.1.1.1") == 0);
    CHECK(count == 2);
    CHECK(uci_lookup_option_string(ctx, s, "dns") == NULL);
    static const struct uci_parse_option known[] = {{"mtu", UCI_TYPE_STRING}, {"none", UCI_TYPE_STRING}};
    struct uci_option *tb[2];
    uci_parse_section(s, known, 2, tb);
    CHECK(tb[0] != NULL && tb[1] == NULL && strcmp(tb[0]->v.string, "1500") == 0);
    CHECK(uci_lookup_package(ctx, "network") == network);
}

static void pointers(void)
{
    struct uci_ptr ptr = lookup("network.lan.mtu");
    CHECK(ptr.flags & UCI_LOOKUP_COMPLETE);
    CHECK(ptr.target == UCI_TYPE_OPTION && ptr.last->type == UCI_TYPE_OPTION);
    CHECK_TEXT(ptr.o->v.string, "1500");
    ptr = lookup("network.@route[-1].target");
    CHECK_TEXT(ptr.o->v.string, "0.0.0.0/0");
    CHECK(strncmp(ptr.s->e.name, "cfg03", 5) == 0);
    ptr = lookup("network.lan.none");
    CHECK(!(ptr.flags & UCI_LOOKUP_COMPLETE) && ptr.s != NULL && ptr.o == NULL && ptr.last->type == UCI_TYPE_SECTION);
    ptr = lookup("network.none");
    CHECK(!(ptr.flags & UCI_LOOKUP_COMPLETE) && ptr.p != NULL && ptr.s == NULL);
    char nowhere[] = "nowhere.x", four[] = "a.b.c.d", odd[] = "network.@route[9]", plain[] = "network.@route[0]";
    CHECK(uci_lookup_ptr(ctx, &ptr, nowhere, true) == UCI_ERR_NOTFOUND);
    CHECK(uci_lookup_ptr(ctx, &ptr, four, true) == UCI_ERR_PARSE);
    CHECK(uci_lookup_ptr(ctx, &ptr, odd, true) == UCI_ERR_NOTFOUND);
    ptr = lookup("network");
    CHECK((ptr.flags & UCI_LOOKUP_COMPLETE) && ptr.target == UCI_TYPE_PACKAGE && ptr.last == &ptr.p->e && ptr.s == NULL);
    ptr = lookup("network.lan=interface");
    CHECK(ptr.target == UCI_TYPE_SECTION && ptr.flags & UCI_LOOKUP_COMPLETE);
    CHECK_TEXT(ptr.value, "interface");
    ptr = lookup("network.lan.mtu=a=b.c");
    CHECK_TEXT(ptr.value, "a=b.c");
    ptr = lookup("network.@interface[0].mtu=");
    CHECK((ptr.flags & UCI_LOOKUP_EXTENDED) && ptr.value[0] == '\0');
    CHECK_TEXT(ptr.section, "lan");
    CHECK_TEXT(ptr.option, "mtu");
    /* Only cut, nothing looked up. */
    char cut[] = "nowhere.a.b=c";
    CHECK(uci_parse_ptr(ctx, &ptr, cut) == UCI_OK && ptr.p == NULL && ptr.target == UCI_TYPE_OPTION && ptr.flags == 0);
    CHECK_TEXT(ptr.package, "nowhere");
    char empty[] = "", dot[] = ".lan", blank[] = "network.l n";
    CHECK(uci_parse_ptr(ctx, &ptr, empty) == UCI_ERR_PARSE && uci_parse_ptr(ctx, &ptr, dot) == UCI_ERR_PARSE);
    CHECK(uci_parse_ptr(ctx, &ptr, blank) == UCI_ERR_INVAL && uci_parse_ptr(ctx, &ptr, NULL) == UCI_ERR_INVAL);
    CHECK(uci_parse_ptr(ctx, NULL, cut) == UCI_ERR_INVAL);
    CHECK(uci_lookup_ptr(ctx, &ptr, plain, false) == UCI_ERR_INVAL);
    char *text;
    uci_get_errorstr(ctx, &text, "program");
    CHECK_TEXT(text, "program: Invalid argument");
    free(text);
}

static void changing(void)
{
    struct uci_ptr ptr = lookup("network.lan.mtu=1492");
    struct uci_option *mtu = ptr.o;
    struct uci_section *lan = ptr.s;
    CHECK(uci_set(ctx, &ptr) == UCI_OK && ptr.o == mtu);
    CHECK_TEXT(mtu->v.string, "1492");
    ptr = lookup("network.lan.gateway=10.0.0.1");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && ptr.o != NULL && ptr.s == lan);
    ptr = lookup("network.wan=interface");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && strcmp(ptr.s->type, "interface") == 0);
    ptr = lookup("network.lan.dns=8.8.8.8");
    CHECK(uci_add_list(ctx, &ptr) == UCI_OK);
    ptr = lookup("network.lan.dns=9.9.9.9");
    CHECK(uci_del_list(ctx, &ptr) == UCI_OK);
    ptr = lookup("network.lan.auto");
    CHECK(uci_delete(ctx, &ptr) == UCI_OK && ptr.o == NULL);
    ptr = lookup("network.lan.auto");
    CHECK(uci_delete(ctx, &ptr) == UCI_ERR_NOTFOUND);
    ptr = lookup("network.@route[0]");
    CHECK(uci_delete(ctx, &ptr) == UCI_OK);
    ptr = lookup("network.wan=uplink");
    CHECK(uci_rename(ctx, &ptr) == UCI_OK);
    CHECK_TEXT(ptr.s->e.name, "uplink");
    CHECK(uci_reorder_section(ctx, ptr.s, 0) == UCI_OK);
    struct uci_section *rule;
    CHECK(uci_add_section(ctx, ptr.p, "rule", &rule) == UCI_OK && rule->anonymous);
    CHECK_TEXT(rule->e.name, "cfg0592bd");

    /* Filled by hand, as programs do. */
    struct uci_ptr mine;
    memset(&mine, 0, sizeof mine);
    mine.p = ptr.p;
    mine.s = rule;
    mine.option = "dest";
    mine.value = "wan";
    CHECK(uci_set(ctx, &mine) == UCI_OK);
    memset(&mine, 0, sizeof mine);
    mine.package = "network";
    mine.section = "none";
    mine.option = "x";
    mine.value = "1";
    CHECK(uci_set(ctx, &mine) == UCI_ERR_INVAL);
    mine.section = "lan";
    mine.value = "a\001b";
    CHECK(uci_set(ctx, &mine) == UCI_ERR_INVAL);

    CHECK(uci_save(ctx, ptr.p) == UCI_OK);
    CHECK_TEXT(file_text("saved/network"),
               "network.lan.mtu='1492'\nnetwork.lan.gateway='10.0.0.1'\nnetwork.wan='interface'\n|network.lan.dns='8.8.8.8'\n"
               "~network.lan.dns='9.9.9.9'\n-network.lan.auto\n-network.cfg02c8b4\n@network.wan='uplink'\n^network.uplink='0'\n"
               "+network.cfg0592bd='rule'\nnetwork.cfg0592bd.dest='wan'\n");

    /* Another context sees what is staged. */
    struct uci_context *other = uci_alloc_context();
    struct uci_package *theirs;
    CHECK(uci_set_confdir(other, getenv("CMS_TEST_CONFIG")) == UCI_OK && uci_set_savedir(other, "saved") == UCI_OK);
    CHECK(uci_load(other, "network", &theirs) == UCI_OK);
    CHECK_TEXT(uci_lookup_option_string(other, uci_lookup_section(other, theirs, "lan"), "mtu"), "1492");
    CHECK_TEXT(list_to_element(theirs->sections.next)->name, "uplink");
    uci_free_context(other);

    struct uci_package *network = ptr.p;
    CHECK(uci_commit(ctx, &network, false) == UCI_OK);
    CHECK_TEXT(file_text("saved/network"), "");
    snprintf(path, sizeof path, "%s/network", getenv("CMS_TEST_CONFIG"));
    CHECK(strstr(file_text(path), "# how it began") != NULL);
    CHECK(strstr(file_text(path), "option mtu '1492'") != NULL);
    ptr = lookup("network.@rule[0].dest");
    CHECK_TEXT(ptr.o->v.string, "wan");
}

/* An empty value takes away what is there, and is nothing where nothing is. */
static void emptying(void)
{
    struct uci_ptr ptr = lookup("network.lan.gone=1");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && ptr.o != NULL);
    ptr = lookup("network.lan.gone=");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && ptr.o == NULL && ptr.s != NULL);
    ptr = lookup("network.lan.gone=");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && ptr.o == NULL);
    ptr = lookup("network.gone=thing");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && ptr.s != NULL);
    ptr = lookup("network.gone=");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && ptr.s == NULL);
    ptr = lookup("network.gone=");
    CHECK(uci_set(ctx, &ptr) == UCI_OK);
    CHECK(uci_lookup_section(ctx, ptr.p, "gone") == NULL);
    /* Nothing of it is left to be saved by what follows. */
    struct uci_package *network = ptr.p;
    CHECK(uci_unload(ctx, network) == UCI_OK && uci_load(ctx, "network", &network) == UCI_OK);
}

static void reverting(void)
{
    struct uci_ptr ptr = lookup("network.lan.mtu=1300");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && uci_save(ctx, ptr.p) == UCI_OK);
    ptr = lookup("network.lan.proto=dhcp");
    CHECK(uci_set(ctx, &ptr) == UCI_OK);
    ptr = lookup("network.lan.mtu");
    CHECK(uci_revert(ctx, &ptr) == UCI_OK && ptr.p != NULL);
    ptr = lookup("network.lan.mtu");
    CHECK_TEXT(ptr.o->v.string, "1492");
    ptr = lookup("network.lan.proto");
    CHECK_TEXT(ptr.o->v.string, "dhcp");
    struct uci_element *e, *next;
    uci_foreach_element_safe(&ptr.s->options, next, e) {
        struct uci_ptr gone;
        memset(&gone, 0, sizeof gone);
        gone.p = ptr.p;
        gone.s = ptr.s;
        gone.o = uci_to_option(e);
        CHECK(uci_delete(ctx, &gone) == UCI_OK);
    }
    CHECK(uci_list_empty(&ptr.s->options));
    CHECK(uci_unload(ctx, ptr.p) == UCI_OK);
    CHECK(uci_lookup_package(ctx, "network") == NULL);
}

/* A stream with a text, to be closed. */
static FILE *stream_of(const char *text)
{
    FILE *stream = tmpfile();
    CHECK(stream != NULL && fputs(text, stream) >= 0);
    rewind(stream);
    return stream;
}

static int import(const char *text, const char *name, struct uci_package **package, bool single)
{
    FILE *stream = stream_of(text);
    int code = uci_import(ctx, stream, name, package, single);
    CHECK(code != UCI_OK || getc(stream) == EOF);
    fclose(stream);
    return code;
}

static void check_export(struct uci_package *package, bool header, const char *expected)
{
    static char text[65536];
    FILE *stream = tmpfile();
    CHECK(stream != NULL && uci_export(ctx, stream, package, header) == UCI_OK);
    rewind(stream);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    CHECK_TEXT(text, expected);
}

static void importing(void)
{
    struct uci_package *package = NULL, *last = NULL;
    /* As `uci import NAME` and `uci import` do: read, then write over what there is. */
    CHECK(import("# mine\nconfig zone 'lan'\n\toption name lan # first\n", "firewall", &package, false) == UCI_OK);
    CHECK_TEXT(package->e.name, "firewall");
    CHECK(uci_lookup_package(ctx, "firewall") == package);
    struct uci_ptr ptr = lookup("firewall.lan.name=wan");
    CHECK(uci_set(ctx, &ptr) == UCI_OK);
    CHECK(uci_commit(ctx, &package, true) == UCI_OK);
    snprintf(path, sizeof path, "%s/firewall", getenv("CMS_TEST_CONFIG"));
    CHECK_TEXT(file_text(path), "# mine\nconfig zone 'lan'\n\toption name wan # first\n");
    CHECK(import("config a\n", "firewall", &last, false) == UCI_ERR_DUPLICATE && last == NULL);
    CHECK(uci_unload(ctx, package) == UCI_OK);

    CHECK(import("package one\nconfig a\n\toption b 'c'\npackage two\n\nconfig d 'e'\n\tlist f 'g'\n", NULL, &last, false) == UCI_OK);
    CHECK_TEXT(last->e.name, "two");
    package = uci_lookup_package(ctx, "one");
    CHECK(package != NULL && package->n_section == 1 && last->n_section == 1);
    check_export(package, true, "package one\n\nconfig a\n\toption b 'c'\n\n");
    check_export(NULL, false, "\nconfig a\n\toption b 'c'\n\n\nconfig d 'e'\n\tlist f 'g'\n\n");
    ctx->flags |= UCI_FLAG_EXPORT_NAME;
    check_export(package, false, "\nconfig a 'cfg01b606'\n\toption b 'c'\n\n");
    ctx->flags &= ~UCI_FLAG_EXPORT_NAME;

    /* All or none. */
    CHECK(import("package x\nconfig a\npackage y\noptoin\n", NULL, &last, false) == UCI_ERR_PARSE);
    CHECK(import("package x\nconfig a\npackage one\nconfig a\n", NULL, &last, false) == UCI_ERR_DUPLICATE);
    CHECK(import("package x\npackage x\n", NULL, &last, false) == UCI_ERR_DUPLICATE);
    CHECK(import("config a\n", NULL, &last, false) == UCI_ERR_PARSE);
    CHECK(import("config a\n", "a/b", &last, false) == UCI_ERR_INVAL);
    CHECK(uci_lookup_package(ctx, "x") == NULL);
    CHECK(uci_import(ctx, NULL, "x", &last, false) == UCI_ERR_INVAL);
    last = package;
    CHECK(import("", NULL, &last, false) == UCI_OK && last == NULL);
    CHECK(import("", "empty", &last, false) == UCI_OK && last->n_section == 0);
    CHECK(import("package line ; config a\n", NULL, &last, false) == UCI_OK && last->n_section == 1);
    CHECK(import("package other\nconfig a\n", "single", &(struct uci_package *){NULL}, true) == UCI_OK);
    check_export(uci_lookup_package(ctx, "single"), false, "\nconfig a\n\n");

    /* Merged, as `uci -m import NAME` does: changes like others. */
    package = uci_lookup_package(ctx, "two");
    CHECK(import("config d 'e'\n\tlist f 'h'\n\toption i ''\nconfig j\n\toption k 'l'\nconfig m 'n'\n", NULL, &package, true) == UCI_OK);
    check_export(package, false, "\nconfig d 'e'\n\tlist f 'g'\n\tlist f 'h'\n\nconfig j\n\toption k 'l'\n\nconfig m 'n'\n\n");
    CHECK(import("config z 'e'\n", NULL, &package, true) == UCI_ERR_PARSE);
    CHECK(import("config d 'e'\noptoin\n", NULL, &package, true) == UCI_ERR_PARSE);
    CHECK(uci_save(ctx, package) == UCI_OK);
    CHECK_TEXT(file_text("saved/two"), "|two.e.f='h'\n+two.cfg02b60f='j'\ntwo.cfg02b60f.k='l'\ntwo.n='m'\n");
}

/* Reads a line as a program that takes commands does. */
static int words_of(FILE *stream, char words[4][64])
{
    char *str = NULL, *word;
    int count = 0;
    for (;;) {
        int code = uci_parse_argument(ctx, stream, &str, &word);
        if (code != UCI_OK)
            return -code;
        if (word[0] == '\0')
            return count;
        snprintf(words[count++ % 4], 64, "%s", word);
    }
}

static void arguments(void)
{
    char words[4][64], *str = NULL, *word;
    FILE *stream = stream_of("set 'network.lan.x=a b' # why\n\nadd \"it's\" mo\\\nre\nquoted 'over\ntwo lines'\nopen 'end");
    CHECK(words_of(stream, words) == 2);
    CHECK_TEXT(words[0], "set");
    CHECK_TEXT(words[1], "network.lan.x=a b");
    CHECK(words_of(stream, words) == 0 && !feof(stream));
    CHECK(words_of(stream, words) == 3);
    CHECK_TEXT(words[1], "it's");
    CHECK_TEXT(words[2], "more");
    CHECK(words_of(stream, words) == 2);
    CHECK_TEXT(words[1], "over\ntwo lines");
    CHECK(words_of(stream, words) == -UCI_ERR_PARSE);
    CHECK(words_of(stream, words) == 0 && feof(stream));
    rewind(stream);
    CHECK(uci_parse_argument(ctx, stream, &str, &word) == UCI_OK);
    str++;
    CHECK(uci_parse_argument(ctx, stream, &str, &word) == UCI_ERR_INVAL && word == NULL);
    str = NULL;
    CHECK(uci_parse_argument(ctx, stream, NULL, &word) == UCI_ERR_INVAL);
    CHECK(uci_parse_argument(ctx, NULL, &str, &word) == UCI_ERR_INVAL);
    fclose(stream);
    CHECK(uci_validate_text("a b\tc") && !uci_validate_text("a\001b") && !uci_validate_text(NULL));
}

static void hashing(void)
{
    static const struct uci_parse_option known[] = {{"b", UCI_TYPE_STRING}, {"f", UCI_TYPE_LIST}};
    struct uci_option *tb[2];
    struct uci_ptr ptr = lookup("two.e");
    uci_parse_section(ptr.s, known, 2, tb);
    uint32_t before = uci_hash_options(tb, 2);
    CHECK(before == uci_hash_options(tb, 2) && before != uci_hash_options(tb, 1));
    ptr = lookup("two.e.f=i");
    CHECK(uci_add_list(ctx, &ptr) == UCI_OK);
    CHECK(uci_hash_options(tb, 2) != before);
    ptr = lookup("two.e.b=x");
    CHECK(uci_set(ctx, &ptr) == UCI_OK);
    before = uci_hash_options(tb, 2);
    uci_parse_section(ptr.s, known, 2, tb);
    CHECK(tb[0] != NULL && uci_hash_options(tb, 2) != before);
}

static const char *text_of(const char *reference)
{
    struct uci_ptr ptr = lookup(reference);
    CHECK((ptr.o != NULL) == !!(ptr.flags & UCI_LOOKUP_COMPLETE));
    if (ptr.o == NULL)
        return NULL;
    CHECK(ptr.o->section == ptr.s && ptr.s->package == ptr.p && ptr.last == &ptr.o->e && ptr.value == NULL);
    CHECK(ptr.section == ptr.s->e.name && ptr.option == ptr.o->e.name && ptr.package == ptr.p->e.name);
    return ptr.o->v.string;
}

#define LONG "a_section_whose_name_is_rather_long_and_longer"

/* Whatever happens to a package, all that is in it is found by its name, and nothing else. */
static void finding(void)
{
    enum { HOSTS = 400 };
    char reference[256], expected[64];
    snprintf(path, sizeof path, "%s/hosts", getenv("CMS_TEST_CONFIG"));
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    /* An anonymous section does not hide one that has for its own the name that it goes by. */
    fputs("config rule\n\toption x 'anonymous'\n\nconfig thing 'cfg0192bd'\n\toption x 'own'\n\n"
          "config thing 'cfg0492bd'\n\toption x 'own, too'\n\nconfig rule\n\toption x 'anonymous, too'\n", file);
    for (int host = 0; host < HOSTS; host++)
        fprintf(file, "\nconfig host 'h%d'\n\toption x 'x of %d'\n\toption a_name_of_more_than_sixteen '%d'\n\tlist own%d 'a'\n", host,
                host, host, host);
    fputs("\nconfig host '" LONG "'\n\toption " LONG " 'long'\n", file);
    fclose(file);
    CHECK(uci_load(ctx, "hosts", NULL) == UCI_OK);

    for (int host = 0; host < HOSTS; host++) {
        snprintf(reference, sizeof reference, "hosts.h%d.x", host);
        snprintf(expected, sizeof expected, "x of %d", host);
        CHECK_TEXT(text_of(reference), expected);
        snprintf(reference, sizeof reference, "hosts.h%d.a_name_of_more_than_sixteen", host);
        CHECK_TEXT(text_of(reference), expected + 5);
        snprintf(reference, sizeof reference, "hosts.h%d.own%d", host, host);
        struct uci_ptr ptr = lookup(reference);
        CHECK(ptr.o != NULL && ptr.o->type == UCI_TYPE_LIST);
        CHECK_TEXT(list_to_element(ptr.o->v.list.next)->name, "a");
        snprintf(reference, sizeof reference, "hosts.h%d.own%d", host, host + 1);
        CHECK(text_of(reference) == NULL);
    }
    CHECK_TEXT(text_of("hosts." LONG "." LONG), "long");
    CHECK_TEXT(text_of("hosts.cfg0192bd.x"), "own");
    CHECK_TEXT(text_of("hosts.cfg0492bd.x"), "own, too");
    CHECK_TEXT(text_of("hosts.@rule[0].x"), "anonymous");
    CHECK(text_of("hosts.h400.x") == NULL && text_of("hosts.h1.y") == NULL && text_of("hosts.h10.own1") == NULL);
    /* From one package to another and back. */
    CHECK(lookup("two.e").s != NULL && lookup("hosts.h1.x").o != NULL && lookup("two.e.b").o != NULL);

    struct uci_ptr ptr = lookup("hosts.h7.x");
    struct uci_option *x = ptr.o;
    struct uci_section *seven = ptr.s;
    ptr = lookup("hosts.h7=seven");
    CHECK(uci_rename(ctx, &ptr) == UCI_OK && ptr.s == seven);
    CHECK(lookup("hosts.seven.x").o == x && lookup("hosts.seven.own7").o != NULL && text_of("hosts.h7.x") == NULL);
    ptr = lookup("hosts.h8=h7");
    CHECK(uci_rename(ctx, &ptr) == UCI_OK);
    CHECK_TEXT(text_of("hosts.h7.x"), "x of 8");
    CHECK_TEXT(text_of("hosts.seven.x"), "x of 7");
    ptr = lookup("hosts.seven.x=why");
    CHECK(uci_rename(ctx, &ptr) == UCI_OK && text_of("hosts.seven.x") == NULL);
    CHECK_TEXT(text_of("hosts.seven.why"), "x of 7");

    for (int again = 0; again < 3; again++) {
        ptr = lookup("hosts.h9.x");
        CHECK(uci_delete(ctx, &ptr) == UCI_OK && text_of("hosts.h9.x") == NULL);
        ptr = lookup("hosts.h9.x=new");
        CHECK(uci_set(ctx, &ptr) == UCI_OK);
        CHECK_TEXT(text_of("hosts.h9.x"), "new");
        ptr = lookup("hosts.h10");
        CHECK(uci_delete(ctx, &ptr) == UCI_OK && lookup("hosts.h10").s == NULL && text_of("hosts.h10.x") == NULL);
        ptr = lookup("hosts.h10=host");
        CHECK(uci_set(ctx, &ptr) == UCI_OK && text_of("hosts.h10.x") == NULL);
        ptr = lookup("hosts.h10.x=again");
        CHECK(uci_set(ctx, &ptr) == UCI_OK);
        CHECK_TEXT(text_of("hosts.h10.x"), "again");
    }
    /* What had another name once and is gone is not found by that either. */
    ptr = lookup("hosts.fresh=host");
    CHECK(uci_set(ctx, &ptr) == UCI_OK);
    ptr = lookup("hosts.fresh.x=1");
    CHECK(uci_set(ctx, &ptr) == UCI_OK);
    ptr = lookup("hosts.fresh=stale");
    CHECK(uci_rename(ctx, &ptr) == UCI_OK);
    ptr = lookup("hosts.stale.x");
    CHECK(uci_delete(ctx, &ptr) == UCI_OK);
    ptr = lookup("hosts.fresh=host");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && text_of("hosts.fresh.x") == NULL && text_of("hosts.stale.x") == NULL);
    ptr = lookup("hosts.h10=other");
    struct uci_section *ten = ptr.s;
    CHECK(uci_set(ctx, &ptr) == UCI_OK && ptr.s == ten && strcmp(ten->type, "other") == 0);

    x = lookup("hosts.h11.x").o;
    ptr = lookup("hosts.h11.x=a text that is quite a bit longer than the one before");
    CHECK(uci_set(ctx, &ptr) == UCI_OK && lookup("hosts.h11.x").o == x);
    ptr = lookup("hosts.h11.x=b");
    CHECK(uci_add_list(ctx, &ptr) == UCI_OK && x->type == UCI_TYPE_LIST);
    CHECK_TEXT(list_to_element(x->v.list.next->next)->name, "b");
    ptr = lookup("hosts.h11.x=c");
    CHECK(uci_set(ctx, &ptr) == UCI_OK);
    CHECK_TEXT(text_of("hosts.h11.x"), "c");
    ptr = lookup("hosts.h11.own11=c");
    CHECK(uci_set(ctx, &ptr) == UCI_OK);
    CHECK_TEXT(text_of("hosts.h11.own11"), "c");
    /* The rest is where it was. */
    for (int host = 12; host < HOSTS; host++) {
        snprintf(reference, sizeof reference, "hosts.h%d.x", host);
        snprintf(expected, sizeof expected, "x of %d", host);
        CHECK_TEXT(text_of(reference), expected);
    }
    CHECK(uci_unload(ctx, ptr.p) == UCI_OK);
    remove(path);
    ptr.flags = 0;
    char gone[] = "hosts.h12.x";
    CHECK(uci_lookup_ptr(ctx, &ptr, gone, false) == UCI_ERR_NOTFOUND);
}

int main(void)
{
    ctx = uci_alloc_context();
    CHECK(ctx != NULL);
    mkdir("saved", 0700);
    remove("saved/network");
    remove("saved/two");
    snprintf(path, sizeof path, "%s/firewall", getenv("CMS_TEST_CONFIG"));
    remove(path);
    write_file("network",
               "# how it began\nconfig interface 'lan'\n\toption proto 'static'\n\toption mtu '1500'\n\tlist dns '9.9.9.9'\n"
               "\tlist dns '1.1.1.1'\n\toption auto '1'\n\nconfig route\n\toption target '10.0.0.0/8'\n\nconfig route\n"
               "\toption target '0.0.0.0/0'\n");
    write_file("broken", "optoin\n");
    CHECK(uci_set_confdir(ctx, "/nowhere") == UCI_ERR_INVAL);
    CHECK(uci_set_confdir(ctx, getenv("CMS_TEST_CONFIG")) == UCI_OK);
    CHECK(uci_set_savedir(ctx, "saved") == UCI_OK);
    walking();
    pointers();
    changing();
    emptying();
    reverting();
    importing();
    arguments();
    hashing();
    finding();
    CHECK(uci_load(ctx, "broken", NULL) == UCI_ERR_PARSE);
    CHECK(uci_load(ctx, "none", NULL) == UCI_ERR_NOTFOUND);
    CHECK(uci_load(NULL, "none", NULL) == UCI_ERR_INVAL);
    char **configs;
    CHECK(uci_list_configs(ctx, &configs) == UCI_OK);
    CHECK(strcmp(configs[0], "broken") == 0 && strcmp(configs[1], "firewall") == 0 && strcmp(configs[2], "network") == 0 && configs[3] == NULL);
    free(configs);
    uci_free_context(ctx);
    return 0;
}
