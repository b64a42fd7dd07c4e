/* cms.h - the C library of cms, libcms.
 *
 * Two things are here. A store that stands alone (config_store_init and the other names that begin with config_): typed values, arrays
 * and tables in memory that processes share. And a configuration with its log (the names that begin with cms_): packages in UCI's
 * form, read as snapshots, changed by transactions, watched, with their history.
 *
 * Rules that hold for every function:
 *
 * - Errors. Functions that answer an int answer 0 (CMS_OK) or a code of enum cms_status; functions that answer a pointer answer
 *   NULL; those that read with a default answer it. cms_last_error() says for this thread what it was about, cms_last_status() the
 *   code; both stay until the next failure in the thread. cms_strerror() has a sentence for each code.
 * - A NULL where a handle or a string belongs is an error (CMS_E_INVALID) unless the function says what it means. Freeing NULL
 *   does nothing.
 * - Strings are bytes that end with a NUL. Names of keys are UTF-8; values may be of any bytes but NUL.
 * - Ownership. What a function named ..._free takes was handed over by the one that made it, and is the caller's until then. Everything
 *   that is handed out as const, or that the function says belongs to a handle, lives as long as the handle and must not be freed or changed.
 * - Threads. A store, a snapshot and an event manager may be used by any number of threads at once. A transaction, a bound handle, a
 *   watch and an answer belong to one thread at a time. Nobody may use what another thread is freeing.
 * - After fork() a child may read from the stores that stand alone and from bound handles, and must open everything else anew before it uses it;
 *   it frees nothing that it inherited. Handles are not kept across exec().
 */
#ifndef CMS_CMS_H
#define CMS_CMS_H

/* pthread_rwlock_t is POSIX's: with -std=c99, include this header first, or define _POSIX_C_SOURCE yourself. */
#if !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE) && !defined(_DEFAULT_SOURCE)
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE 1
#endif

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <utarray.h>
#include <uthash.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In C++ a literal is no char *. */
#ifdef __cplusplus
#define CMS_NAME const char
#else
#define CMS_NAME char
#endif

/* ---------------------------------------------------------------- errors */

enum cms_status {
    CMS_OK = 0,
    CMS_E_INVALID = 1,        /* an argument makes no sense */
    CMS_E_NOT_FOUND = 2,      /* no such package, section, option, key, row */
    CMS_E_EXISTS = 3,         /* there is one already */
    CMS_E_TYPE = 4,           /* a value is of another type */
    CMS_E_CONFLICT = 5,       /* somebody else changed the same meanwhile; nothing was changed */
    CMS_E_REFUSED = 6,        /* a schema does not allow it; nothing was changed */
    CMS_E_PARSE = 7,          /* a package's text does not parse */
    CMS_E_DENIED = 8,         /* no permission */
    CMS_E_FULL = 9,           /* a limit is reached */
    CMS_E_BUSY = 10,          /* somebody else holds it */
    CMS_E_IO = 11,            /* the system failed to read or write */
    CMS_E_DAMAGED = 12,       /* data contradicts itself */
    CMS_E_EXPIRED = 13,       /* a transaction took longer than it may */
    CMS_E_NO_LOG = 14,        /* there is no log, so no history */
    CMS_E_FILES_PENDING = 15, /* committed and durable; the next use writes the package files */
    CMS_E_TIMEOUT = 16,       /* nothing came in time */
    CMS_E_NEWER = 17,         /* a newer version wrote it */
    CMS_E_INTERNAL = 18       /* a fault of the library */
};

/* A sentence for a code; belongs to the library. */
const char *cms_strerror(int status);
/* What the last failure in this thread was about; belongs to the thread, until its next failure. Never NULL. */
const char *cms_last_error(void);
/* Its code. */
int cms_last_status(void);
/* Forgets it. */
void cms_clear_error(void);
/* The version of the library: "0.1.0". */
const char *cms_version(void);

/* ----------------------------------------------------------------- types */

/* One line for each type: the name, the type in C, and which member of a value holds it. */
#define CONFIG_TYPES                  \
    X(STRING,  char*,        str)    \
    X(INT,     int64_t,     int)    \
    X(FLOAT,   double,      float)   \
    X(BOOL,    bool,        int)     \
    X(ARRAY,   UT_array*,   ptr)     \
    X(TABLE,   void*,       ptr)

enum ValueType {
#define X(name, type, field) TYPE_##name,
    CONFIG_TYPES
#undef X
};

union ConfigValue {
    char *str_value;   /* TYPE_STRING */
    int64_t int_value; /* TYPE_INT, and TYPE_BOOL as 0 or 1 */
    double float_value;/* TYPE_FLOAT */
    void *ptr_value;   /* TYPE_ARRAY: a UT_array *; TYPE_TABLE: the fields of a row, a table of struct ConfigHashEntry */
};

/* An entry of a uthash table: a key with its value. */
struct ConfigHashEntry {
    char *key;
    union ConfigValue value;
    enum ValueType value_type;
    uint32_t flags; /* the program's own */
    UT_hash_handle hh;
};

/* An array of a store as it was when it was loaded. */
struct ConfigArray {
    char *key;
    UT_array *array;
    enum ValueType element_type;
    size_t element_size;
    UT_hash_handle hh;
};

/* A column of a table. The size is the most bytes of a value: of a string its length, of a number its width; 0 is any. */
typedef struct Column {
    CMS_NAME *name;
    enum ValueType type;
    size_t size;
} Column;

/* A value for a column. Which member counts is what the column's type says. */
typedef struct KeyValue {
    CMS_NAME *key;
    union ConfigValue value;
} KeyValue;

/* A table of a store: its columns, and its rows if config_table_load or config_store_load has filled them. */
struct ConfigTable {
    char *name;
    Column *columns;
    size_t num_columns;
    struct ConfigHashEntry *rows; /* each row by its number as text; its value is a table of its fields */
    UT_hash_handle hh;
};

/* An open store. Its members are there to be read; the library alone makes and frees it.
 *
 * The pointers entries, arrays and tables are views that belong to this process: config_store_load fills them, and they stay as they
 * are until it is called again or the store is closed (of arrays and tables, those that their create and open functions answered
 * are there as well). Who walks through them while other threads may load holds the lock for reading; nobody calls the library
 * for this store while he holds the lock for writing. */
struct ConfigStore {
    char *segment_name;
    size_t segment_size; /* the hard limit in bytes */
    void *base_address;  /* where the segment was mapped when the store was opened; for display */
    struct ConfigHashEntry *entries;
    struct ConfigArray *arrays;
    struct ConfigTable *tables;
    pthread_rwlock_t lock;
};

/* A field that a program declares: DEFINE_CONFIG_FIELD("server.port", INT, check_port). */
struct ConfigField {
    const char *key;
    enum ValueType type;
    bool (*validator)(const struct ConfigHashEntry *entry); /* NULL allows everything */
    uint32_t flags;
};

#define DEFINE_CONFIG_FIELD(field_key, field_type, field_validator) \
    { .key = field_key,                                             \
      .type = TYPE_##field_type,                                    \
      .validator = field_validator,                                 \
      .flags = 0 }

/* -------------------------------------------------- stores that stand alone
 *
 * A name is a file name in the runtime directory (/run/cms/stores for root, $XDG_RUNTIME_DIR/cms/stores for others,
 * $CMS_RUN_DIR/stores if that is set); what contains a slash is a path. A store lasts until the next reboot or config_store_destroy,
 * and every process that may read its files may use it at the same time. Each call that changes something is one step that other
 * threads and processes see whole or not at all. Keys are dotted: "server.host".
 */

/* Opens a store, or makes it with a hard limit of so many bytes. Close it with config_store_close. Who may not write to its files gets it
 * for reading. */
struct ConfigStore *config_store_init(const char *name, size_t size);
/* Closes a store; strings, arrays and rows that it handed out go with it. */
void config_store_close(struct ConfigStore *store);
/* Takes a store away. Who has it open keeps what is there until he closes it. */
int config_store_destroy(const char *name);
/* Gives back the memory that only strings handed out before still need; they must not be used any more. For programs that keep a
 * store open for ever and write to it all the time. No other thread may be using such a string. */
int config_store_trim(struct ConfigStore *store);
/* Writes an image of the store to a file, whole or not at all; makes a new store of one. */
int config_store_backup(struct ConfigStore *store, const char *path);
int config_store_restore(const char *name, const char *path);

int config_set_string(struct ConfigStore *store, const char *key, const char *value);
int config_set_int(struct ConfigStore *store, const char *key, int64_t value);
int config_set_float(struct ConfigStore *store, const char *key, double value);
int config_set_bool(struct ConfigStore *store, const char *key, bool value);

/* The value of a key, or the default if there is none or it is of another type (cms_last_status tells which).
 *
 * A string is read where it lies in the segment, without a copy: it must not be written to, and stays valid and unchanged until
 * config_store_close or config_store_trim, whatever becomes of the key. */
char *config_get_string(struct ConfigStore *store, const char *key, char *fallback);
int64_t config_get_int(struct ConfigStore *store, const char *key, int64_t fallback);
double config_get_float(struct ConfigStore *store, const char *key, double fallback);
bool config_get_bool(struct ConfigStore *store, const char *key, bool fallback);

/* Takes a key away, whatever it holds. */
int config_delete(struct ConfigStore *store, const char *key);
/* The type of what a key holds, one of enum ValueType. */
int config_type(struct ConfigStore *store, const char *key, int *type);
/* Adds to a number, which is 0 if it is missing; the sum may be NULL. */
int config_add_int(struct ConfigStore *store, const char *key, int64_t number, int64_t *sum);
/* Sets a key if it holds what is expected, else CMS_E_CONFLICT. A NULL expects that there is no such key. */
int config_compare_and_set_int(struct ConfigStore *store, const char *key, int64_t expected, int64_t value);
int config_compare_and_set_string(struct ConfigStore *store, const char *key, const char *expected, const char *value);

/* Fills the views of a store: all entries, arrays and tables, as they are at one moment. What was there before is freed. */
int config_store_load(struct ConfigStore *store);
/* Writes all entries of a uthash table in one step. Strings and numbers only; the table stays the caller's. */
int config_store_save(struct ConfigStore *store, struct ConfigHashEntry *entries);
/* Frees a table of entries that a function handed over. */
void config_entries_free(struct ConfigHashEntry *entries);

/* Arrays. Elements are of TYPE_STRING (char *), TYPE_INT (1, 2, 4 or 8 bytes), TYPE_FLOAT (4 or 8) or TYPE_BOOL (1). */

/* Makes an empty array, in place of what the key holds. The answer belongs to the store (`arrays`). */
struct ConfigArray *config_array_create(struct ConfigStore *store, const char *key, enum ValueType type, size_t element_size);
/* Shows an array as it is now; the answer belongs to the store. Showing it again replaces its UT_array. */
struct ConfigArray *config_array_open(struct ConfigStore *store, const char *key);
/* Appends so many elements. */
int config_array_push(struct ConfigStore *store, const char *key, const void *elements, size_t count);
int config_array_set(struct ConfigStore *store, const char *key, size_t position, const void *element);
int config_array_erase(struct ConfigStore *store, const char *key, size_t position, size_t count);
int config_array_clear(struct ConfigStore *store, const char *key);
int config_array_sort(struct ConfigStore *store, const char *key);
int config_array_length(struct ConfigStore *store, const char *key, size_t *length);
#ifdef __cplusplus
} /* What a void * of C is assigned to, C++ asks for by name. */
extern "C" void *config_array_next(struct ConfigStore *store, const char *key, void *element);
template <typename T> inline T *config_array_next(struct ConfigStore *store, const char *key, T *element)
{
    return static_cast<T *>(config_array_next(store, key, static_cast<void *>(element)));
}
extern "C" {
#else
/* The element behind another: the first behind NULL, NULL behind the last. A walk that begins sees the array as it is then, and its
 * elements stay valid until this thread begins another walk through the same array or closes the store. */
void *config_array_next(struct ConfigStore *store, const char *key, void *element);
#endif

/* Tables. The first column is the key: no two rows have the same value there, and finding by it uses an index. */

/* Makes a table, or opens the one that is there with the same columns and all its rows. The answer belongs to the store (`tables`). */
struct ConfigTable *config_table_create(struct ConfigStore *store, const char *name, const Column *columns, size_t count);
/* Opens a table that is there. */
struct ConfigTable *config_table_open(struct ConfigStore *store, const char *name);
/* Opens it, and fills its rows. */
struct ConfigTable *config_table_load(struct ConfigStore *store, const char *name);
/* Makes an index on another column. */
int config_table_index(struct ConfigStore *store, const char *name, const char *column, bool unique);
/* Adds a row; columns may be left out. CMS_E_EXISTS if an index has the value already. */
int config_table_insert(struct ConfigStore *store, const char *name, const KeyValue *values, size_t count);
/* The first row with a value in a column, or NULL (CMS_E_NOT_FOUND). Its fields are a uthash table in value.ptr_value, which
 * config_row_get looks into. It stays valid until this thread's next search in the same table, or until the store is closed. */
struct ConfigHashEntry *config_table_find(struct ConfigStore *store, const char *name, const char *column, int64_t value);
struct ConfigHashEntry *config_table_find_string(struct ConfigStore *store, const char *name, const char *column, const char *value);
/* The field of a row; NULL if the row has none in that column. */
struct ConfigHashEntry *config_row_get(const struct ConfigHashEntry *row, const char *column);
/* Changes or takes away all rows with a value in a column. */
int config_table_update(struct ConfigStore *store, const char *name, const char *column, int64_t value, const KeyValue *values,
                        size_t count);
int config_table_delete(struct ConfigStore *store, const char *name, const char *column, int64_t value);
int config_table_count(struct ConfigStore *store, const char *name, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
