/* Views of a store in uthash's and utarray's containers: what only their macros can make. Everything is allocated with malloc, so
 * that C programs may take entries out and free them. A failed allocation leaves a view without the entry, and is answered. */

#include "memory.h"

static void free_entry(struct ConfigHashEntry *entry);

/* Gives up entries with all that they hold. */
void cms_view_free(struct ConfigHashEntry *head)
{
    struct ConfigHashEntry *entry, *next;
    HASH_ITER(hh, head, entry, next) {
        HASH_DEL(head, entry);
        free_entry(entry);
    }
}

static void free_entry(struct ConfigHashEntry *entry)
{
    if (entry->value_type == TYPE_STRING)
        free(entry->value.str_value);
    else if (entry->value_type == TYPE_ARRAY && entry->value.ptr_value != NULL)
        utarray_free((UT_array *)entry->value.ptr_value);
    else if (entry->value_type == TYPE_TABLE)
        cms_view_free((struct ConfigHashEntry *)entry->value.ptr_value);
    free(entry->key);
    free(entry);
}

/* Adds an entry; takes over what `value.ptr_value` leads to, and copies a string. Answers 0 if there is no memory. */
int cms_view_add(struct ConfigHashEntry **head, const char *key, size_t key_length, int type, uint32_t flags,
                 union ConfigValue value, size_t text_length)
{
    struct ConfigHashEntry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return 0;
    entry->value_type = (enum ValueType)type;
    entry->flags = flags;
    entry->value = value;
    entry->key = copy(key, key_length);
    if (type == TYPE_STRING)
        entry->value.str_value = copy(value.str_value, text_length);
    is_out_of_memory = entry->key == NULL || (type == TYPE_STRING && entry->value.str_value == NULL);
    if (!is_out_of_memory)
        HASH_ADD_KEYPTR(hh, *head, entry->key, key_length, entry);
    if (is_out_of_memory) {
        if (type == TYPE_ARRAY || type == TYPE_TABLE)
            entry->value.ptr_value = NULL; /* Still the caller's. */
        free_entry(entry);
        return 0;
    }
    return 1;
}

struct ConfigHashEntry *cms_view_find(struct ConfigHashEntry *head, const char *key, size_t length)
{
    struct ConfigHashEntry *found = NULL;
    HASH_FIND(hh, head, key, length, found);
    return found;
}

/* Calls for each entry in order, until it is answered something else than 0. */
int cms_view_each(struct ConfigHashEntry *head, int (*each)(void *context, const struct ConfigHashEntry *entry), void *context)
{
    struct ConfigHashEntry *entry, *next;
    HASH_ITER(hh, head, entry, next) {
        int answer = each(context, entry);
        if (answer != 0)
            return answer;
    }
    return 0;
}

UT_array *cms_view_array(int type, size_t size)
{
    UT_array *array;
    if (type == TYPE_STRING) {
        utarray_new(array, &ut_str_icd);
    } else {
        UT_icd icd = {0, NULL, NULL, NULL};
        icd.sz = size;
        utarray_new(array, &icd);
    }
    return array;
}

void cms_view_array_push(UT_array *array, const void *element)
{
    utarray_push_back(array, element);
}

void *cms_view_array_next(UT_array *array, void *element)
{
    return utarray_next(array, element);
}

void cms_view_array_free(UT_array *array)
{
    utarray_free(array);
}

/* Adds an array, which is taken over unless the answer is 0. */
int cms_view_add_array(struct ConfigArray **head, const char *key, size_t length, UT_array *array, int type, size_t size)
{
    struct ConfigArray *view = calloc(1, sizeof *view);
    if (view == NULL)
        return 0;
    view->array = array;
    view->element_type = (enum ValueType)type;
    view->element_size = size;
    view->key = copy(key, length);
    is_out_of_memory = view->key == NULL;
    if (!is_out_of_memory)
        HASH_ADD_KEYPTR(hh, *head, view->key, length, view);
    if (is_out_of_memory) {
        free(view->key);
        free(view);
        return 0;
    }
    return 1;
}

/* The array of a key. */
struct ConfigArray *cms_view_find_array(struct ConfigArray *head, const char *key, size_t length)
{
    struct ConfigArray *found = NULL;
    HASH_FIND(hh, head, key, length, found);
    return found;
}

/* Gives an array other elements. */
void cms_view_replace_array(struct ConfigArray *view, UT_array *array, int type, size_t size)
{
    utarray_free(view->array);
    view->array = array;
    view->element_type = (enum ValueType)type;
    view->element_size = size;
}

void cms_view_free_arrays(struct ConfigArray *head)
{
    struct ConfigArray *view, *next;
    HASH_ITER(hh, head, view, next) {
        HASH_DEL(head, view);
        utarray_free(view->array);
        free(view->key);
        free(view);
    }
}

static void free_columns(struct ConfigTable *view)
{
    for (size_t i = 0; i < view->num_columns; i++)
        free((void *)view->columns[i].name);
    free(view->columns);
    view->columns = NULL;
    view->num_columns = 0;
}

/* The table of a name, with room for so many columns, made if it is missing; a null if there is no memory. */
struct ConfigTable *cms_view_table(struct ConfigTable **head, const char *name, size_t length, size_t columns)
{
    struct ConfigTable *view = NULL;
    HASH_FIND(hh, *head, name, length, view);
    if (view == NULL) {
        view = calloc(1, sizeof *view);
        if (view == NULL)
            return NULL;
        view->name = copy(name, length);
        is_out_of_memory = view->name == NULL;
        if (!is_out_of_memory)
            HASH_ADD_KEYPTR(hh, *head, view->name, length, view);
        if (is_out_of_memory) {
            free(view->name);
            free(view);
            return NULL;
        }
    }
    free_columns(view);
    view->columns = calloc(columns > 0 ? columns : 1, sizeof *view->columns);
    view->num_columns = view->columns != NULL ? columns : 0;
    return view->columns != NULL ? view : NULL;
}

int cms_view_set_column(struct ConfigTable *view, size_t column, const char *name, size_t length, int type, size_t size)
{
    view->columns[column].name = copy(name, length);
    view->columns[column].type = (enum ValueType)type;
    view->columns[column].size = size;
    return view->columns[column].name != NULL;
}

/* Gives a table other rows. */
void cms_view_set_rows(struct ConfigTable *view, struct ConfigHashEntry *rows)
{
    cms_view_free(view->rows);
    view->rows = rows;
}

void cms_view_free_tables(struct ConfigTable *head)
{
    struct ConfigTable *view, *next;
    HASH_ITER(hh, head, view, next) {
        HASH_DEL(head, view);
        cms_view_free(view->rows);
        free_columns(view);
        free(view->name);
        free(view);
    }
}

/* The sizes of what both languages lay out, for a test that compares them. */
size_t cms_view_size(int which)
{
    switch (which) {
    case 0: return sizeof(struct ConfigStore);
    case 1: return sizeof(Column);
    case 2: return sizeof(KeyValue);
    case 3: return offsetof(struct ConfigHashEntry, hh);
    case 4: return offsetof(struct ConfigStore, lock);
    case 5: return sizeof(struct Transaction);
    case 6: return sizeof(struct TransactionManager);
    case 7: return sizeof(struct EventManager);
    case 8: return sizeof(struct SchemaRegistry);
    case 9: return sizeof(cms_schema_state);
    default: return 0;
    }
}
