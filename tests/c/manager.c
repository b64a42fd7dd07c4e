/* Managers: of transactions, with and without auto-commit, and of events, with its topics and subscribers. */

#include <cms/cms.h>

#include "check.h"

static cms_store *store;

static void check_value(const char *key, const char *expected)
{
    cms_snapshot *snapshot = cms_snapshot_take(store);
    char *text = cms_get_string(snapshot, key);
    if (expected == NULL)
        CHECK(text == NULL && cms_last_status() == CMS_E_NOT_FOUND);
    else
        CHECK_TEXT(text, expected);
    cms_string_free(text);
    cms_snapshot_free(snapshot);
}

static int make_host(struct Transaction *transaction, void *context)
{
    int code = cms_set(transaction, "hosts.router", "host");
    return code != CMS_OK ? code : cms_set(transaction, "hosts.router.address", context);
}

static int fail_late(struct Transaction *transaction, void *context)
{
    (void)context;
    CHECK(cms_set(transaction, "hosts.router.address", "10.9.9.9") == CMS_OK);
    return cms_set(transaction, "hosts.nowhere.address", "10.9.9.9");
}

static int fail_oddly(struct Transaction *transaction, void *context)
{
    (void)transaction;
    return *(int *)context;
}

static int roll_back(struct Transaction *transaction, void *context)
{
    (void)context;
    return cms_transaction_rollback(transaction);
}

static void each_change_is_a_commit(struct TransactionManager *manager)
{
    uint64_t revision = 0, before;
    CHECK(manager->auto_commit && manager->active_tx == NULL);
    CHECK(cms_revision(store, &before) == CMS_OK);
    CHECK(cms_transactions_change(manager, make_host, "10.0.0.1", &revision) == CMS_OK && revision == before + 1);
    CHECK(cms_transactions_set(manager, "hosts.router.port", "80", &revision) == CMS_OK && revision == before + 2);
    CHECK(cms_transactions_delete(manager, "hosts.router.port", NULL) == CMS_OK);
    check_value("hosts.router.port", NULL);
    CHECK(manager->last_tx_id >= 3);

    CHECK(cms_transactions_change(manager, fail_late, NULL, &revision) == CMS_E_NOT_FOUND);
    CHECK(strstr(cms_last_error(), "hosts.nowhere") != NULL);
    check_value("hosts.router.address", "10.0.0.1");
    int odd = 4711;
    CHECK(cms_transactions_change(manager, fail_oddly, &odd, NULL) == 4711 && cms_last_status() == CMS_E_INVALID);
    CHECK_TEXT(cms_last_error(), "the change was given up: its callback answered 4711");
    CHECK(cms_transactions_change(manager, roll_back, NULL, &revision) == CMS_OK && revision == 0);
    CHECK(cms_transactions_change(manager, NULL, NULL, NULL) == CMS_E_INVALID);
    CHECK(cms_transactions_set(NULL, "a.b", "c", NULL) == CMS_E_INVALID);
    CHECK(cms_transactions_set(manager, "a..b", "c", NULL) == CMS_E_INVALID);
    CHECK(cms_transactions_commit(manager, &revision) == CMS_OK && revision == 0);
}

static void changes_gather(struct TransactionManager *manager)
{
    uint64_t revision = 7, before;
    CHECK(cms_revision(store, &before) == CMS_OK);
    CHECK(cms_transactions_set_auto_commit(manager, false, &revision) == CMS_OK && revision == 0 && !manager->auto_commit);
    CHECK(cms_transactions_open(manager) == NULL);
    CHECK(cms_transactions_set(manager, "hosts.router.address", "10.0.0.2", &revision) == CMS_OK && revision == 0);
    CHECK(cms_transactions_change(manager, fail_late, NULL, NULL) == CMS_E_NOT_FOUND);
    CHECK(cms_transactions_set(manager, "hosts.router.port", "443", NULL) == CMS_OK);
    check_value("hosts.router.address", "10.0.0.1");

    struct Transaction *open = cms_transactions_open(manager);
    CHECK(open != NULL && cms_transaction_changes(open) == CMS_OK && open->change_count == 2);
    char *text = cms_transaction_get(open, "hosts.router.address");
    CHECK_TEXT(text, "10.0.0.2");
    cms_string_free(text);

    /* Somebody else is faster. What was refused stays open, and can be taken back. */
    struct Transaction *other = cms_transactions_begin(manager);
    CHECK(cms_set(other, "hosts.router.address", "10.0.0.3") == CMS_OK);
    CHECK(cms_transactions_load(manager) == CMS_OK && HASH_COUNT(manager->active_tx) == 2);
    struct Transaction *seen = NULL, *next;
    uint64_t last = 0;
    pthread_mutex_lock(&manager->tx_lock);
    HASH_ITER(hh, manager->active_tx, seen, next) {
        CHECK(seen->id > last && seen->state == TX_ACTIVE && seen->start_time > 0);
        last = seen->id;
    }
    HASH_FIND(hh, manager->active_tx, &open->id, sizeof open->id, seen);
    pthread_mutex_unlock(&manager->tx_lock);
    CHECK(seen != NULL && last == other->id && manager->last_tx_id == last);
    CHECK(cms_transaction_commit(seen, NULL) == CMS_E_INVALID);
    CHECK(strstr(cms_last_error(), "is shown only") != NULL);
    CHECK(cms_transaction_commit(other, NULL) == CMS_OK);
    cms_transaction_free(other);
    CHECK(cms_transactions_commit(manager, NULL) == CMS_E_CONFLICT);
    CHECK(cms_transaction_conflicts(cms_transactions_open(manager))->count == 1);
    CHECK(cms_transactions_set_auto_commit(manager, true, NULL) == CMS_E_CONFLICT && !manager->auto_commit);
    CHECK(cms_transactions_rollback(manager) == CMS_OK && cms_transactions_open(manager) == NULL);
    CHECK(cms_transactions_load(manager) == CMS_OK && manager->active_tx == NULL);

    CHECK(cms_transactions_set(manager, "hosts.router.port", "443", NULL) == CMS_OK);
    CHECK(cms_transactions_set_auto_commit(manager, true, &revision) == CMS_OK && revision == before + 2 && manager->auto_commit);
    check_value("hosts.router.port", "443");
    check_value("hosts.router.address", "10.0.0.3");
    /* What is open when the manager goes is rolled back. */
    CHECK(cms_transactions_set_auto_commit(manager, false, NULL) == CMS_OK);
    CHECK(cms_transactions_set(manager, "hosts.router.port", "8443", NULL) == CMS_OK);
    CHECK(cms_transactions_load(manager) == CMS_OK && HASH_COUNT(manager->active_tx) == 1);
}

static void on_event(void *data, void *context)
{
    (void)data;
    (void)context;
}

static size_t subscribers(struct EventManager *events, const char *topic_name)
{
    struct EventTopic *topic;
    pthread_mutex_lock(&events->lock);
    HASH_FIND_STR(events->topics, topic_name, topic);
    size_t count = topic != NULL ? HASH_COUNT(topic->subscribers) : 0;
    pthread_mutex_unlock(&events->lock);
    return count;
}

static void who_subscribed_is_shown(void)
{
    struct EventManager *events = cms_events_new(store, 2);
    CHECK(events != NULL && events->topics == NULL && events->max_subscribers == 2);
    int context;
    CHECK(cms_events_subscribe(events, "a", "hosts.**", CMS_NOW, on_event, &context) == CMS_OK);
    CHECK(cms_events_subscribe(events, "b", "hosts.**", CMS_NOW, on_event, NULL) == CMS_OK);
    CHECK(cms_events_subscribe(events, "c", "hosts.**", CMS_NOW, on_event, NULL) == CMS_E_FULL);
    CHECK(cms_events_subscribe(events, "a", "*.*.port", CMS_NOW, on_event, NULL) == CMS_E_EXISTS);
    CHECK(cms_events_subscribe(events, "c", "*.*.port", CMS_NOW, on_event, NULL) == CMS_OK);
    CHECK(cms_events_subscribe(events, "d", "*.*.port", CMS_NOW, NULL, NULL) == CMS_E_INVALID);
    CHECK(HASH_COUNT(events->topics) == 2 && subscribers(events, "hosts.**") == 2 && subscribers(events, "*.*.port") == 1);
    struct EventTopic *topic;
    struct EventSubscriber *subscriber;
    HASH_FIND_STR(events->topics, "hosts.**", topic);
    HASH_FIND_STR(topic->subscribers, "a", subscriber);
    CHECK(subscriber != NULL && subscriber->callback == on_event && subscriber->context == &context);
    CHECK(cms_events_unsubscribe(events, "c") == CMS_OK && HASH_COUNT(events->topics) == 1);
    CHECK(cms_events_unsubscribe(events, "c") == CMS_E_NOT_FOUND);
    CHECK(cms_events_unsubscribe(events, "a") == CMS_OK && subscribers(events, "hosts.**") == 1);
    cms_events_free(events);
}

enum { THREADS = 4, ROUNDS = 8 };

static struct TransactionManager *shared;
static struct EventManager *shared_events;

static void *work(void *context)
{
    int me = (int)(intptr_t)context;
    char key[64], id[32], topic[32];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t revision;
        snprintf(key, sizeof key, "hosts.router.of-%d-%d", me, i);
        for (char *c = key; *c != '\0'; c++)
            *c = *c == '-' ? '_' : *c;
        CHECK(cms_transactions_set(shared, key, "1", &revision) == CMS_OK && revision > 0);
        CHECK(cms_transactions_load(shared) == CMS_OK);
        struct Transaction *one, *next;
        pthread_mutex_lock(&shared->tx_lock);
        HASH_ITER(hh, shared->active_tx, one, next)
            CHECK(one->id <= shared->last_tx_id);
        pthread_mutex_unlock(&shared->tx_lock);

        snprintf(id, sizeof id, "%d-%d", me, i);
        snprintf(topic, sizeof topic, "hosts.*.of_%d", i % 2);
        CHECK(cms_events_subscribe(shared_events, id, topic, CMS_NOW, on_event, NULL) == CMS_OK);
        CHECK(subscribers(shared_events, topic) >= 1);
        if (i % 3 != 0)
            CHECK(cms_events_unsubscribe(shared_events, id) == CMS_OK);
    }
    return NULL;
}

static void many_threads_use_them(void)
{
    pthread_t threads[THREADS];
    shared = cms_transactions_new(store);
    shared_events = cms_events_new(store, 0);
    CHECK(shared != NULL && shared_events != NULL && shared_events->max_subscribers == 1000);
    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(subscribers(shared_events, "hosts.*.of_0") + subscribers(shared_events, "hosts.*.of_1") == THREADS * 3);
    cms_snapshot *snapshot = cms_snapshot_take(store);
    cms_list *options = cms_options(snapshot, "hosts.router");
    CHECK(options != NULL && options->count >= THREADS * ROUNDS);
    cms_list_free(options);
    cms_snapshot_free(snapshot);
    cms_events_free(shared_events);
    cms_transactions_free(shared);
}

int main(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/hosts", getenv("CMS_TEST_CONFIG"));
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fclose(file) == 0);
    store = cms_open(getenv("CMS_TEST_CONFIG"));
    CHECK(store != NULL);
    check_value("hosts.router", NULL);
    struct TransactionManager *manager = cms_transactions_new(store);
    CHECK(manager != NULL);
    each_change_is_a_commit(manager);
    changes_gather(manager);
    cms_transactions_free(manager);
    check_value("hosts.router.port", "443");
    who_subscribed_is_shown();
    many_threads_use_them();
    cms_close(store);
    cms_transactions_free(NULL);
    return 0;
}
