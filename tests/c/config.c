/* Stores that stand alone: values, arrays, tables, views, and what is refused. */

#include <cms/cms.h>

#include "check.h"

static bool is_port(const struct ConfigHashEntry *entry)
{
    return entry->value.int_value > 0 && entry->value.int_value < 65536;
}

static const struct ConfigField fields[] = {
    DEFINE_CONFIG_FIELD("server.host", STRING, NULL),
    DEFINE_CONFIG_FIELD("server.port", INT, is_port),
};

static void values(struct ConfigStore *store)
{
    CHECK(config_set_string(store, "server.host", "localhost") == CMS_OK);
    CHECK(config_set_int(store, "server.port", 8080) == CMS_OK);
    CHECK(config_set_float(store, "server.timeout", 30.5) == CMS_OK);
    CHECK(config_set_bool(store, "server.tls", true) == CMS_OK);
    char *host = config_get_string(store, "server.host", NULL);
    CHECK_TEXT(host, "localhost");
    CHECK(config_get_int(store, "server.port", 1) == 8080);
    CHECK(config_get_float(store, "server.timeout", 0) == 30.5);
    CHECK(config_get_bool(store, "server.tls", false));

    /* What was handed out stays as it was, also when the segment is written anew. */
    static char large[4096];
    memset(large, 'x', sizeof large - 1);
    for (int i = 0; i < 600; i++) {
        large[0] = (char)('a' + i % 26);
        CHECK(config_set_string(store, "server.host", large) == CMS_OK);
        if (i % 50 == 0)
            CHECK_TEXT(config_get_string(store, "server.host", NULL), large);
    }
    CHECK_TEXT(host, "localhost");
    CHECK_TEXT(config_get_string(store, "server.host", NULL), large);

    char fallback[] = "none";
    CHECK(config_get_string(store, "server.none", fallback) == fallback);
    CHECK(cms_last_status() == CMS_E_NOT_FOUND);
    CHECK(config_get_int(store, "server.host", -1) == -1);
    CHECK(cms_last_status() == CMS_E_TYPE);
    CHECK_TEXT(cms_last_error(), "key 'server.host' holds a value of type string, not int; read it with config_get_string");
    CHECK(config_get_int(NULL, "server.port", -2) == -2);
    CHECK_TEXT(cms_last_error(), "the store is null");
    CHECK(config_set_string(store, NULL, "x") == CMS_E_INVALID);
    CHECK(config_set_string(store, "x", NULL) == CMS_E_INVALID);

    int64_t sum;
    CHECK(config_add_int(store, "server.starts", 2, NULL) == CMS_OK);
    CHECK(config_add_int(store, "server.starts", 3, &sum) == CMS_OK && sum == 5);
    CHECK(config_compare_and_set_int(store, "server.starts", 4, 9) == CMS_E_CONFLICT);
    CHECK(config_compare_and_set_int(store, "server.starts", 5, 9) == CMS_OK);
    CHECK(config_compare_and_set_string(store, "server.name", NULL, "a") == CMS_OK);
    CHECK(config_compare_and_set_string(store, "server.name", NULL, "b") == CMS_E_CONFLICT);
    int type;
    CHECK(config_type(store, "server.tls", &type) == CMS_OK && type == TYPE_BOOL);
    CHECK(config_delete(store, "server.name") == CMS_OK);
    CHECK(config_delete(store, "server.name") == CMS_E_NOT_FOUND);
    CHECK(fields[1].type == TYPE_INT && fields[0].validator == NULL);
}

static void arrays(struct ConfigStore *store)
{
    short small[] = {3, -1, 2};
    short *element = NULL;
    struct ConfigArray *array = config_array_create(store, "small", TYPE_INT, sizeof(short));
    CHECK(array != NULL && array->element_size == sizeof(short) && array->element_type == TYPE_INT);
    CHECK(config_array_push(store, "small", small, 3) == CMS_OK);
    CHECK(config_array_sort(store, "small") == CMS_OK);
    int sum = 0, count = 0;
    while ((element = config_array_next(store, "small", element)) != NULL) {
        CHECK(count > 0 || *element == -1);
        /* A walk sees the array as it was when it began. */
        CHECK(config_array_push(store, "small", small, 1) == CMS_OK);
        sum += *element;
        count++;
    }
    CHECK(sum == 4 && count == 3);
    size_t length;
    CHECK(config_array_length(store, "small", &length) == CMS_OK && length == 6);
    CHECK(config_array_erase(store, "small", 3, 3) == CMS_OK);
    CHECK(config_array_set(store, "small", 0, &small[0]) == CMS_OK);
    CHECK(config_array_open(store, "small") == array);
    CHECK(utarray_len(array->array) == 3 && *(short *)utarray_front(array->array) == 3);

    const char *names[] = {"b", "a"};
    char **name = NULL;
    CHECK(config_array_create(store, "names", TYPE_STRING, sizeof(char *)) != NULL);
    CHECK(config_array_push(store, "names", names, 2) == CMS_OK);
    name = config_array_next(store, "names", name);
    CHECK_TEXT(*name, "b");
    name = config_array_next(store, "names", name);
    CHECK_TEXT(*name, "a");
    CHECK(config_array_next(store, "names", name) == NULL);
    CHECK(config_array_clear(store, "names") == CMS_OK);
    CHECK(config_array_next(store, "names", NULL) == NULL);

    CHECK(config_array_create(store, "odd", TYPE_INT, 3) == NULL);
    CHECK(cms_last_status() == CMS_E_INVALID);
    CHECK(config_array_create(store, "odd", TYPE_TABLE, 8) == NULL);
    CHECK(config_array_push(store, "server.host", small, 1) == CMS_E_TYPE);
    CHECK(config_array_push(store, "none", small, 1) == CMS_E_NOT_FOUND);
    CHECK(config_array_push(store, "small", NULL, 1) == CMS_E_INVALID);
}

static void tables(struct ConfigStore *store)
{
    static const Column columns[] = {
        {"id", TYPE_INT, sizeof(int64_t)}, {"name", TYPE_STRING, 64}, {"active", TYPE_BOOL, sizeof(bool)}};
    struct ConfigTable *users = config_table_create(store, "users", columns, 3);
    CHECK(users != NULL && users->num_columns == 3);
    CHECK_TEXT(users->columns[1].name, "name");
    CHECK(users->columns[1].size == 64 && users->columns[2].type == TYPE_BOOL);
    for (int64_t i = 1; i <= 30; i++) {
        char name[32];
        snprintf(name, sizeof name, "user-%d", (int)i);
        KeyValue row[] = {{"id", {.int_value = i}}, {"name", {.str_value = name}}, {"active", {.int_value = i % 2}}};
        CHECK(config_table_insert(store, "users", row, 3) == CMS_OK);
        CHECK(config_table_insert(store, "users", row, 3) == CMS_E_EXISTS);
    }
    struct ConfigHashEntry *user = config_table_find(store, "users", "id", 12);
    CHECK(user != NULL && user->value_type == TYPE_TABLE);
    CHECK_TEXT(config_row_get(user, "name")->value.str_value, "user-12");
    CHECK(config_row_get(user, "active")->value.int_value == 0);
    CHECK(config_row_get(user, "none") == NULL);
    struct ConfigHashEntry *field;
    HASH_FIND_STR((struct ConfigHashEntry *)user->value.ptr_value, "id", field);
    CHECK(field != NULL && field->value.int_value == 12);
    CHECK(config_table_find(store, "users", "id", 31) == NULL && cms_last_status() == CMS_E_NOT_FOUND);
    CHECK(config_table_find(store, "users", "name", 1) == NULL && cms_last_status() == CMS_E_TYPE);
    CHECK(config_table_index(store, "users", "name", false) == CMS_OK);
    user = config_table_find_string(store, "users", "name", "user-7");
    CHECK(user != NULL && config_row_get(user, "id")->value.int_value == 7);

    KeyValue renamed[] = {{"name", {.str_value = (char *)"admin"}}};
    CHECK(config_table_update(store, "users", "id", 7, renamed, 1) == CMS_OK);
    CHECK_TEXT(config_row_get(config_table_find(store, "users", "id", 7), "name")->value.str_value, "admin");
    CHECK(config_table_delete(store, "users", "active", 0) == CMS_OK);
    size_t count;
    CHECK(config_table_count(store, "users", &count) == CMS_OK && count == 15);
    KeyValue odd[] = {{"shoe", {.int_value = 1}}};
    CHECK(config_table_insert(store, "users", odd, 1) == CMS_E_NOT_FOUND);
    CHECK(config_table_create(store, "users", columns, 3) == users);
    CHECK(config_table_create(store, "users", columns, 2) == NULL && cms_last_status() == CMS_E_EXISTS);
    CHECK(config_table_load(store, "users") == users && HASH_COUNT(users->rows) == 15);
}

static void views(struct ConfigStore *store)
{
    CHECK(store->entries == NULL);
    CHECK(config_store_load(store) == CMS_OK);
    pthread_rwlock_rdlock(&store->lock);
    struct ConfigHashEntry *port, *entry, *next;
    HASH_FIND_STR(store->entries, "server.port", port);
    CHECK(port != NULL && port->value_type == TYPE_INT && port->value.int_value == 8080);
    int count = 0;
    HASH_ITER(hh, store->entries, entry, next)
        count++;
    CHECK(count == 5);
    CHECK(HASH_COUNT(store->arrays) == 2 && HASH_COUNT(store->tables) == 1);
    CHECK(HASH_COUNT(store->tables->rows) == 15);
    port->value.int_value = 9090;
    pthread_rwlock_unlock(&store->lock);
    CHECK(config_store_save(store, store->entries) == CMS_OK);
    CHECK(config_get_int(store, "server.port", 0) == 9090);
}

int main(void)
{
    config_store_destroy("test");
    config_store_destroy("small");
    struct ConfigStore *store = config_store_init("test", 1 << 20);
    CHECK(store != NULL);
    CHECK_TEXT(store->segment_name, "test");
    CHECK(store->segment_size == 1 << 20 && store->base_address != NULL);
    values(store);
    arrays(store);
    tables(store);
    views(store);
    CHECK(config_store_backup(store, "image") == CMS_OK);
    CHECK(config_store_trim(store) == CMS_OK);
    CHECK(config_get_int(store, "server.port", 0) == 9090);
    config_store_close(store);
    config_store_close(NULL);

    CHECK(config_store_restore("copy", "image") == CMS_OK);
    store = config_store_init("copy", 1 << 20);
    CHECK(config_get_int(store, "server.port", 0) == 9090);
    config_store_close(store);
    CHECK(config_store_destroy("copy") == CMS_OK);
    CHECK(config_store_destroy("copy") == CMS_E_NOT_FOUND);
    CHECK(config_store_init(".hidden", 1 << 20) == NULL && cms_last_status() == CMS_E_INVALID);

    /* What does not fit changes nothing. */
    store = config_store_init("small", 256 << 10);
    char *large = malloc(1 << 20);
    memset(large, 'x', (1 << 20) - 1);
    large[(1 << 20) - 1] = '\0';
    CHECK(config_set_string(store, "large", large) == CMS_E_FULL);
    CHECK(config_get_string(store, "large", NULL) == NULL);
    free(large);
    config_store_close(store);
    return 0;
}
