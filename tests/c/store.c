/* A configuration with its log: reading, changing, conflicts, schemas, history, being told. */

#include <cms/cms.h>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static const char *directory;

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void check_string(const cms_snapshot *snapshot, const char *key, const char *expected)
{
    char *text = cms_get_string(snapshot, key);
    CHECK_TEXT(text, expected);
    cms_string_free(text);
}

static void reading(cms_store *store)
{
    cms_snapshot *snapshot = cms_snapshot_take(store);
    CHECK(snapshot != NULL && cms_snapshot_revision(snapshot) == 1);
    int64_t mtu;
    double number;
    bool truth;
    check_string(snapshot, "network.lan", "interface");
    check_string(snapshot, "network.lan.proto", "static");
    check_string(snapshot, "network.@route[0].target", "10.0.0.0/8");
    CHECK(cms_get_int(snapshot, "network.lan.mtu", &mtu) == CMS_OK && mtu == 1500);
    CHECK(cms_get_float(snapshot, "network.lan.mtu", &number) == CMS_OK && number == 1500);
    CHECK(cms_get_bool(snapshot, "network.lan.auto", &truth) == CMS_OK && truth);
    CHECK(cms_get_int(snapshot, "network.lan.proto", &mtu) == CMS_E_TYPE);
    CHECK_TEXT(cms_last_error(), "network.lan.proto: 'static' is no i64");
    CHECK(cms_get_int(snapshot, "network.lan.none", &mtu) == CMS_E_NOT_FOUND);
    CHECK(cms_get_string(snapshot, "none.lan") == NULL && cms_last_status() == CMS_E_NOT_FOUND);
    CHECK(cms_get_string(snapshot, "a..b") == NULL && cms_last_status() == CMS_E_INVALID);
    CHECK(cms_get_string(snapshot, "network.lan.dns") == NULL && cms_last_status() == CMS_E_TYPE);
    CHECK(cms_get_int(snapshot, "network.lan.mtu", NULL) == CMS_E_INVALID);
    cms_list *list = cms_get_list(snapshot, "network.lan.dns");
    CHECK(list != NULL && list->count == 2);
    CHECK_TEXT(list->items[1], "1.1.1.1");
    cms_list_free(list);
    list = cms_packages(snapshot);
    CHECK(list != NULL && list->count == 1);
    CHECK_TEXT(list->items[0], "network");
    cms_list_free(list);
    list = cms_sections(snapshot, "network");
    CHECK(list != NULL && list->count == 2);
    CHECK(strncmp(list->items[1], "cfg02", 5) == 0);
    cms_list_free(list);
    list = cms_options(snapshot, "network.lan");
    CHECK(list != NULL && list->count == 4);
    CHECK_TEXT(list->items[3], "auto");
    cms_list_free(list);
    cms_snapshot_free(snapshot);
}

static void set(cms_store *store, const char *key, const char *value)
{
    struct Transaction *transaction = cms_transaction_begin(store);
    CHECK(transaction != NULL);
    CHECK(cms_set(transaction, key, value) == CMS_OK);
    CHECK(cms_transaction_commit(transaction, NULL) == CMS_OK);
    cms_transaction_free(transaction);
}

static void changing(cms_store *store)
{
    struct Transaction *transaction = cms_transaction_begin(store);
    CHECK(transaction != NULL && transaction->state == TX_ACTIVE && transaction->start_time > 0);
    CHECK(cms_transaction_describe(transaction, "room for PPPoE", "ann", NULL) == CMS_OK);
    CHECK(cms_set(transaction, "network.lan.mtu", "1492") == CMS_OK);
    CHECK(cms_add_list(transaction, "network.lan.dns", "8.8.8.8") == CMS_OK);
    CHECK(cms_del_list(transaction, "network.lan.dns", "9.9.9.9") == CMS_OK);
    CHECK(cms_set(transaction, "network.wan", "interface") == CMS_OK);
    char *name;
    CHECK(cms_add(transaction, "network", "rule", NULL, &name) == CMS_OK);
    CHECK(strncmp(name, "cfg", 3) == 0);
    cms_string_free(name);
    size_t savepoint;
    CHECK(cms_transaction_savepoint(transaction, &savepoint) == CMS_OK);
    CHECK(cms_delete(transaction, "network.lan") == CMS_OK);
    CHECK(cms_transaction_rollback_to(transaction, savepoint) == CMS_OK);
    const char *items[] = {"a", "b"};
    CHECK(cms_set_list(transaction, "network.wan.device", items, 2) == CMS_OK);
    CHECK(cms_rename(transaction, "network.wan", "uplink") == CMS_OK);
    CHECK(cms_reorder(transaction, "network.uplink", 0) == CMS_OK);
    CHECK(cms_delete(transaction, "network.lan.auto") == CMS_OK);
    CHECK(cms_set(transaction, "network.none.x", "1") == CMS_E_NOT_FOUND);
    CHECK(cms_set(transaction, "network", "1") == CMS_E_INVALID);
    char *text = cms_transaction_get(transaction, "network.lan.mtu");
    CHECK_TEXT(text, "1492");
    cms_string_free(text);
    CHECK(cms_transaction_changes(transaction) == CMS_OK && transaction->change_count >= 6);
    CHECK_TEXT(transaction->changes[0].key, "network.lan.mtu");
    CHECK_TEXT(transaction->changes[0].old_value, "1500");
    CHECK_TEXT(transaction->changes[0].new_value, "1492");
    uint64_t revision;
    CHECK(cms_transaction_commit(transaction, &revision) == CMS_OK && revision == 2);
    CHECK(transaction->state == TX_COMMITTED);
    CHECK(cms_transaction_commit(transaction, &revision) == CMS_E_INVALID);
    cms_transaction_free(transaction);

    cms_snapshot *before = cms_snapshot_at(store, 1), *after = cms_snapshot_take(store);
    check_string(before, "network.lan.mtu", "1500");
    check_string(after, "network.lan.mtu", "1492");
    check_string(after, "network.@[0]", "interface");
    check_string(after, "network.uplink", "interface");
    cms_snapshot_free(before);
    cms_snapshot_free(after);

    cms_commits *history = cms_history(store, "network.lan.mtu", 0, 1);
    CHECK(history != NULL && history->count == 1 && history->items[0].change_count == 1);
    CHECK_TEXT(history->items[0].author, "ann");
    CHECK_TEXT(history->items[0].message, "room for PPPoE");
    CHECK_TEXT(history->items[0].tool, "libcms");
    CHECK_TEXT(history->items[0].changes[0].action, "set");
    CHECK_TEXT(history->items[0].changes[0].old_value, "1500");
    cms_history_free(history);

    struct Transaction *first = cms_transaction_begin(store), *second = cms_transaction_begin(store);
    CHECK(cms_set(first, "network.lan.mtu", "1400") == CMS_OK);
    CHECK(cms_set(second, "network.lan.mtu", "1300") == CMS_OK);
    CHECK(cms_transaction_commit(first, NULL) == CMS_OK);
    CHECK(cms_transaction_commit(second, NULL) == CMS_E_CONFLICT);
    CHECK(second->state == TX_ACTIVE && cms_transaction_conflicts(second)->count == 1);
    CHECK_TEXT(cms_transaction_conflicts(second)->items[0], "network.lan.mtu");
    CHECK(cms_transaction_rollback(second) == CMS_OK && second->state == TX_ROLLED_BACK);
    CHECK(cms_set(second, "network.lan.mtu", "1") == CMS_E_INVALID);
    cms_transaction_free(first);
    cms_transaction_free(second);
}

static void schemas(cms_store *store)
{
    write_file(getenv("CMS_MODULES"), "network",
               "config module 'network'\n\toption mode 'enforce'\n\nconfig field 'mtu'\n\toption section 'interface'\n"
               "\toption type 'int'\n\toption validation 'between:68,9200'\n");
    struct Transaction *transaction = cms_transaction_begin(store);
    CHECK(cms_set(transaction, "network.lan.mtu", "99999") == CMS_OK);
    CHECK(cms_transaction_commit(transaction, NULL) == CMS_E_REFUSED);
    const cms_diagnostics *found = cms_transaction_diagnostics(transaction);
    CHECK(found != NULL && found->count >= 1);
    CHECK_TEXT(found->items[0].key, "network.lan.mtu");
    CHECK_TEXT(found->items[0].value, "99999");
    CHECK(found->items[0].severity == 2 && found->items[0].line > 0);
    CHECK(cms_replace_text(transaction, "network", "optoin x\n") == CMS_E_PARSE);
    CHECK(cms_transaction_diagnostics(transaction)->count == 1);
    cms_transaction_free(transaction);
    cms_snapshot *snapshot = cms_snapshot_take(store);
    cms_diagnostics *diagnostics = cms_validate(snapshot, "network");
    CHECK(diagnostics != NULL);
    cms_diagnostics_free(diagnostics);
    CHECK(cms_validate(snapshot, "none") == NULL && cms_last_status() == CMS_E_NOT_FOUND);
    cms_snapshot_free(snapshot);
}

struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int count;
};

static void on_event(void *data, void *context)
{
    const cms_notice *notice = data;
    struct told *told = context;
    CHECK(notice->kind == CMS_NOTICE_COMMIT && notice->commit.change_count == 1);
    CHECK_TEXT(notice->commit.changes[0].key, "network.lan.mtu");
    pthread_mutex_lock(&told->lock);
    told->count++;
    pthread_cond_signal(&told->changed);
    pthread_mutex_unlock(&told->lock);
}

static void events(cms_store *store)
{
    const char *patterns[] = {"network.*.mtu"};
    struct told told = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    cms_watch *watch = cms_watch_open(store, patterns, 1, CMS_NOW);
    CHECK(watch != NULL);
    struct EventManager *manager = cms_events_new(store, 1);
    CHECK(manager != NULL);
    CHECK(cms_events_subscribe(manager, "a", "network.*.mtu", CMS_NOW, on_event, &told) == CMS_OK);
    CHECK(cms_events_subscribe(manager, "b", "network.*.mtu", CMS_NOW, on_event, &told) == CMS_E_FULL);
    cms_handle *mtu = cms_bind_int(store, "network.lan.mtu"), *proto = cms_bind_string(store, "network.lan.proto");
    CHECK(mtu != NULL && proto != NULL);
    CHECK(cms_handle_int(mtu, 0) == 1400);
    CHECK_TEXT(cms_handle_string(proto, NULL), "static");
    CHECK(cms_handle_int(proto, 7) == 7 && cms_last_status() == CMS_E_TYPE);

    struct pollfd ready = {cms_watch_fd(watch), POLLIN, 0};
    CHECK(poll(&ready, 1, 0) == 0);
    cms_notice *notice;
    CHECK(cms_watch_next(watch, 0, &notice) == CMS_E_TIMEOUT);
    set(store, "network.lan.mtu", "1450");
    CHECK(poll(&ready, 1, 20000) == 1);
    CHECK(cms_watch_next(watch, 20000, &notice) == CMS_OK);
    CHECK(notice->kind == CMS_NOTICE_COMMIT && notice->commit.change_count == 1);
    CHECK_TEXT(notice->commit.changes[0].new_value, "1450");
    cms_notice_free(notice);
    CHECK(poll(&ready, 1, 0) == 0);
    CHECK(cms_handle_changed(mtu) && cms_handle_int(mtu, 0) == 1450 && !cms_handle_changed(mtu));

    pthread_mutex_lock(&told.lock);
    while (told.count == 0)
        pthread_cond_wait(&told.changed, &told.lock);
    pthread_mutex_unlock(&told.lock);
    CHECK(cms_events_unsubscribe(manager, "a") == CMS_OK);
    CHECK(cms_events_unsubscribe(manager, "a") == CMS_E_NOT_FOUND);
    cms_events_free(manager);
    cms_handle_free(mtu);
    cms_handle_free(proto);
    cms_watch_close(watch);
}

static void containers(cms_store *store)
{
    cms_snapshot *snapshot = cms_snapshot_take(store);
    struct ConfigHashEntry *network = cms_package_load(snapshot, "network"), *entry;
    CHECK(network != NULL);
    HASH_FIND_STR(network, "lan.mtu", entry);
    CHECK(entry != NULL);
    CHECK_TEXT(entry->value.str_value, "1450");
    free(entry->value.str_value);
    entry->value.str_value = strdup("1460");
    HASH_FIND_STR(network, "lan.dns", entry);
    CHECK(entry != NULL && entry->value_type == TYPE_ARRAY);
    const char *added = "4.4.4.4";
    utarray_push_back((UT_array *)entry->value.ptr_value, &added);
    HASH_FIND_STR(network, "uplink.device", entry);
    CHECK(entry != NULL);
    HASH_DEL(network, entry);
    utarray_free((UT_array *)entry->value.ptr_value);
    free(entry->key);
    free(entry);
    struct Transaction *transaction = cms_transaction_begin(store);
    CHECK(cms_package_save(transaction, "network", network) == CMS_OK);
    CHECK(cms_transaction_changes(transaction) == CMS_OK);
    CHECK(transaction->change_count == 3);
    CHECK(cms_transaction_commit(transaction, NULL) == CMS_OK);
    cms_transaction_free(transaction);
    config_entries_free(network);
    cms_snapshot_free(snapshot);
    snapshot = cms_snapshot_take(store);
    check_string(snapshot, "network.lan.mtu", "1460");
    cms_list *list = cms_get_list(snapshot, "network.lan.dns");
    CHECK(list != NULL && list->count == 3);
    CHECK_TEXT(list->items[2], "4.4.4.4");
    cms_list_free(list);
    CHECK(cms_get_list(snapshot, "network.uplink.device") == NULL);
    cms_snapshot_free(snapshot);
}

int main(void)
{
    directory = getenv("CMS_TEST_CONFIG");
    write_file(directory, "network",
               "config interface 'lan'\n\toption proto 'static'\n\toption mtu '1500'\n\tlist dns '9.9.9.9'\n\tlist dns '1.1.1.1'\n"
               "\toption auto '1'\n\nconfig route\n\toption target '10.0.0.0/8'\n");
    CHECK(cms_open("/nowhere") == NULL && cms_last_status() == CMS_E_NOT_FOUND);
    cms_store *store = cms_open(directory);
    CHECK(store != NULL);
    reading(store);
    changing(store);
    schemas(store);
    events(store);
    containers(store);
    uint64_t revision;
    CHECK(cms_revision(store, &revision) == CMS_OK && revision == 5);
    cms_close(store);
    cms_close(NULL);
    CHECK_TEXT(cms_strerror(CMS_E_CONFLICT), "changed by another commit meanwhile");
    CHECK_TEXT(cms_strerror(4711), "unknown error");
    return 0;
}
