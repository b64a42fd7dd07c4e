/* A store that stands alone: values, an array and a table. Run it twice: the store outlives the program. */

#include <cms/cms.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    /* ---- values */

// Initialize configuration store
struct ConfigStore* store = config_store_init("app_config", 1024*1024);

    if (store == NULL) {
        fprintf(stderr, "seed: %s\n", cms_last_error());
        return 1;
    }

// Set values
config_set_string(store, "server.host", "localhost");
config_set_int(store, "server.port", 8080);
config_set_float(store, "server.timeout", 30.5);

// Get values
char* host = config_get_string(store, "server.host", NULL);
int port = config_get_int(store, "server.port", 8080);

    printf("%s:%d, %.1f s\n", host, port, config_get_float(store, "server.timeout", 0));

    /* ---- an array */

// Create an array of integers
struct ConfigArray* arr;
config_array_create(store, "allowed_ports", TYPE_INT, sizeof(int));

// Add elements
int ports[] = {80, 443, 8080};
config_array_push(store, "allowed_ports", ports, 3);

// Iterate array
int* p = NULL;
while ((p = config_array_next(store, "allowed_ports", p))) {
    printf("Port: %d\n", *p);
}

    arr = config_array_open(store, "allowed_ports");
    printf("%u ports\n", arr != NULL ? utarray_len(arr->array) : 0);

    /* ---- a table */

// Define table structure
struct ConfigTable* users_table = config_table_create(store, "users", 
    (Column[]){
        {"id", TYPE_INT, sizeof(int64_t)},
        {"name", TYPE_STRING, 64},
        {"active", TYPE_BOOL, sizeof(bool)}
    }, 3);

// Insert row
config_table_insert(store, "users", 
    (KeyValue[]){
        {"id", {.int_value = 1}},
        {"name", {.str_value = "admin"}},
        {"active", {.int_value = true}}
    }, 3);

// Query with index
struct ConfigHashEntry* user = config_table_find(store, "users", "id", 1);

    if (users_table == NULL || user == NULL) {
        fprintf(stderr, "seed: %s\n", cms_last_error());
        return 1;
    }
    printf("%s has %zu columns; user 1 is %s\n", users_table->name, users_table->num_columns,
           config_row_get(user, "name")->value.str_value);

    /* The fields of a row are a uthash table, as everything that is loaded is. */
    struct ConfigHashEntry *field, *next;
    HASH_ITER(hh, (struct ConfigHashEntry *)user->value.ptr_value, field, next)
        printf("  %s\n", field->key);

    config_store_close(store);
    return 0;
}
