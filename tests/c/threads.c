/* Threads that read, write, walk and search in one store. */

#include <cms/cms.h>

#include "check.h"

#include <sched.h>

enum { THREADS = 4, ROUNDS = 60, CROWD = 40, STEPS = 8 };

static struct ConfigStore *store;

static void *work(void *context)
{
    int me = (int)(intptr_t)context;
    char key[32], text[32];
    snprintf(key, sizeof key, "thread.key-%d", me);
    char *first = NULL;
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(text, sizeof text, "%d-%d", me, i);
        CHECK(config_set_string(store, key, text) == CMS_OK);
        char *mine = config_get_string(store, key, NULL);
        CHECK_TEXT(mine, text);
        if (first == NULL)
            first = mine;
        CHECK(config_add_int(store, "shared.sum", 1, NULL) == CMS_OK);
        int *port = NULL, sum = 0;
        while ((port = config_array_next(store, "ports", port)) != NULL)
            sum += *port;
        CHECK(sum == 6);
        CHECK(config_get_int(store, "missing", me) == me);
        struct ConfigHashEntry *row = config_table_find(store, "users", "id", me);
        CHECK(row != NULL && config_row_get(row, "id")->value.int_value == me);
        if (i % 20 == 0)
            CHECK(config_store_load(store) == CMS_OK);
        pthread_rwlock_rdlock(&store->lock);
        struct ConfigHashEntry *entry, *next;
        HASH_ITER(hh, store->entries, entry, next)
            CHECK(entry->key != NULL);
        pthread_rwlock_unlock(&store->lock);
    }
    snprintf(text, sizeof text, "%d-0", me);
    CHECK_TEXT(first, text);
    return NULL;
}

static pthread_barrier_t all_are_here;

/* More threads than there are quick ways for: each sees what was set, and nothing older than it has seen. */
static void *look(void *context)
{
    (void)context;
    int seen = 0;
    for (int i = 0; i < 20 || seen < STEPS; i++) {
        int now = atoi(config_get_string(store, "step", "0"));
        CHECK(now >= seen && now <= STEPS);
        CHECK(config_get_string(store, "nothing", NULL) == NULL);
        seen = now;
        sched_yield();
        if (i == 0)
            pthread_barrier_wait(&all_are_here);
    }
    return NULL;
}

static void crowd(void)
{
    pthread_t threads[CROWD];
    char text[32];
    CHECK(config_set_string(store, "step", "0") == CMS_OK);
    CHECK(pthread_barrier_init(&all_are_here, NULL, CROWD + 1) == 0);
    for (int i = 0; i < CROWD; i++)
        CHECK(pthread_create(&threads[i], NULL, look, NULL) == 0);
    pthread_barrier_wait(&all_are_here);
    for (int step = 1; step <= STEPS; step++) {
        snprintf(text, sizeof text, "%d", step);
        CHECK(config_set_string(store, "step", text) == CMS_OK);
        CHECK_TEXT(config_get_string(store, "step", NULL), text);
    }
    for (int i = 0; i < CROWD; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pthread_barrier_destroy(&all_are_here) == 0);
}

int main(void)
{
    int ports[] = {1, 2, 3};
    static const Column columns[] = {{"id", TYPE_INT, 8}};
    store = config_store_init("threads", 16 << 20);
    CHECK(store != NULL);
    CHECK(config_array_create(store, "ports", TYPE_INT, sizeof(int)) != NULL);
    CHECK(config_array_push(store, "ports", ports, 3) == CMS_OK);
    CHECK(config_table_create(store, "users", columns, 1) != NULL);
    CHECK(config_set_int(store, "shared.sum", 0) == CMS_OK);
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++) {
        KeyValue row[] = {{"id", {.int_value = i}}};
        int inserted = config_table_insert(store, "users", row, 1);
        CHECK(inserted == CMS_OK || inserted == CMS_E_EXISTS);
    }
    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(config_get_int(store, "shared.sum", 0) == THREADS * ROUNDS);
    crowd();
    config_store_close(store);
    return 0;
}
