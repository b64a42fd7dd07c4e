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
 * - Threads. A store, a snapshot, a manager and a registry may be used by any number of threads at once. A transaction, a bound handle, a
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

/* ------------------------------------------------- a configuration with its log
 *
 * Keys are written as uci writes them: "network", "network.lan", "network.lan.mtu", "firewall.@rule[0].target". To read, take a
 * snapshot: it is of one revision and never changes. To change, begin a transaction.
 */

typedef struct cms_store cms_store;
typedef struct cms_snapshot cms_snapshot;
typedef struct cms_handle cms_handle;
typedef struct cms_watch cms_watch;

/* "From now on", where a revision is asked for. */
#define CMS_NOW UINT64_MAX

/* Opens the configuration of a directory; NULL is /etc/config. CMS_STATE_DIR and CMS_RUN_DIR are heeded as everywhere in cms. */
cms_store *cms_open(const char *directory);
/* Closes it. Snapshots, transactions, handles, watches and event managers made of it keep what they need. */
void cms_close(cms_store *store);
/* The newest revision. */
int cms_revision(cms_store *store, uint64_t *revision);

/* Texts that are handed out together. */
typedef struct cms_list {
    size_t count;
    const char *const *items;
} cms_list;
void cms_list_free(cms_list *list);
/* Frees a string that a function handed over. */
void cms_string_free(char *text);

cms_snapshot *cms_snapshot_take(cms_store *store);
cms_snapshot *cms_snapshot_at(cms_store *store, uint64_t revision);
void cms_snapshot_free(cms_snapshot *snapshot);
uint64_t cms_snapshot_revision(const cms_snapshot *snapshot);

/* The value of an option, or the type of a section. The string is the caller's: cms_string_free. Numbers and truths are read as
 * the rest of cms reads them; CMS_E_TYPE if the text is none. A list of a text has one item. */
char *cms_get_string(const cms_snapshot *snapshot, const char *key);
int cms_get_int(const cms_snapshot *snapshot, const char *key, int64_t *value);
int cms_get_float(const cms_snapshot *snapshot, const char *key, double *value);
int cms_get_bool(const cms_snapshot *snapshot, const char *key, bool *value);
cms_list *cms_get_list(const cms_snapshot *snapshot, const char *key);

/* What holds: the value of an option, or, where it is not set, the default that its schema declares; CMS_E_NOT_FOUND if there is neither,
 * or no such section. Numbers and truths are read as the schema says they are written: a size in bytes, a duration in seconds.
 * Whether it is the default is told in *is_default, which may be NULL. */
char *cms_effective_string(const cms_snapshot *snapshot, const char *key, bool *is_default);
int cms_effective_int(const cms_snapshot *snapshot, const char *key, int64_t *value, bool *is_default);
int cms_effective_float(const cms_snapshot *snapshot, const char *key, double *value, bool *is_default);
int cms_effective_bool(const cms_snapshot *snapshot, const char *key, bool *value, bool *is_default);
cms_list *cms_effective_list(const cms_snapshot *snapshot, const char *key, bool *is_default);

/* The names of packages; of the sections of "network", as keys name them; of the options of "network.lan". */
cms_list *cms_packages(const cms_snapshot *snapshot);
cms_list *cms_sections(const cms_snapshot *snapshot, const char *package);
cms_list *cms_options(const cms_snapshot *snapshot, const char *section);

/* A package as a uthash table: "lan" with its type, "lan.mtu" with its value; a list is TYPE_ARRAY, a UT_array of char *. The table
 * is the caller's: config_entries_free. NULL is an empty package as well: call cms_clear_error before, and ask cms_last_status. */
struct ConfigHashEntry *cms_package_load(const cms_snapshot *snapshot, const char *package);

/* A key that is read again and again: reading it while nothing has changed is a look at one word of memory. The section must be
 * there when the key is bound. Reading answers the default where there is no such option. */
cms_handle *cms_bind_int(cms_store *store, const char *key);
cms_handle *cms_bind_float(cms_store *store, const char *key);
cms_handle *cms_bind_bool(cms_store *store, const char *key);
cms_handle *cms_bind_string(cms_store *store, const char *key);
int64_t cms_handle_int(cms_handle *handle, int64_t fallback);
double cms_handle_float(cms_handle *handle, double fallback);
bool cms_handle_bool(cms_handle *handle, bool fallback);
/* The text belongs to the handle, until it is read again. */
const char *cms_handle_string(cms_handle *handle, const char *fallback);
/* Whether the value may have changed since this was last asked. */
bool cms_handle_changed(cms_handle *handle);
void cms_handle_free(cms_handle *handle);

/* What a schema, or the parser, found. */
typedef struct cms_diagnostic {
    int severity;        /* 1 a warning, 2 an error */
    const char *code;    /* never changes; `cms explain CODE` tells more */
    const char *message;
    const char *file;    /* these may be NULL: */
    size_t line;         /* from 1 */
    size_t column;
    const char *key;
    const char *rule;
    const char *value;
    const char *allowed;
    const char *hint;
} cms_diagnostic;

typedef struct cms_diagnostics {
    size_t count;
    const cms_diagnostic *items;
} cms_diagnostics;
void cms_diagnostics_free(cms_diagnostics *diagnostics);

/* What schemas find in a package, or with NULL in all of them. */
cms_diagnostics *cms_validate(const cms_snapshot *snapshot, const char *package);

enum TxState {
    TX_ACTIVE,
    TX_COMMITTED,
    TX_ROLLED_BACK
};

/* Changes that become one commit, or none. Its members are there to be read, and hh for a table of the program's own; the library alone
 * makes and frees it. cms_transaction_changes fills changes: the values are char *, NULL where there was or is none, with a newline
 * between the items of a list. */
struct Transaction {
    uint64_t id;
    time_t start_time;
    enum TxState state;
    struct {
        void *old_value;
        void *new_value;
        char *key;
    } *changes;
    size_t change_count;
    UT_hash_handle hh;
};

struct Transaction *cms_transaction_begin(cms_store *store);
/* Frees it; an active one is rolled back. */
void cms_transaction_free(struct Transaction *transaction);
int cms_transaction_rollback(struct Transaction *transaction);
/* Says why, by whom and with which program; what is NULL stays. */
int cms_transaction_describe(struct Transaction *transaction, const char *message, const char *author, const char *tool);
int cms_transaction_changes(struct Transaction *transaction);
int cms_transaction_savepoint(struct Transaction *transaction, size_t *savepoint);
int cms_transaction_rollback_to(struct Transaction *transaction, size_t savepoint);
/* The value of a key as the transaction sees it; the caller's: cms_string_free. */
char *cms_transaction_get(struct Transaction *transaction, const char *key);

/* Sets an option; or, of a key without an option, makes the section with that type or changes its type. */
int cms_set(struct Transaction *transaction, const char *key, const char *value);
int cms_set_list(struct Transaction *transaction, const char *key, const char *const *items, size_t count);
/* Appends an item; takes all equal items out. */
int cms_add_list(struct Transaction *transaction, const char *key, const char *item);
int cms_del_list(struct Transaction *transaction, const char *key, const char *item);
/* Takes a section or an option away. */
int cms_delete(struct Transaction *transaction, const char *key);
int cms_rename(struct Transaction *transaction, const char *key, const char *name);
/* Moves a section to a position among all sections of its package. */
int cms_reorder(struct Transaction *transaction, const char *key, int64_t position);
/* Adds a section; a NULL name makes an anonymous one. The name it goes by is the caller's, cms_string_free; `made` may be NULL. */
int cms_add(struct Transaction *transaction, const char *package, const char *type, const char *name, char **made);
int cms_create_package(struct Transaction *transaction, const char *package);
int cms_delete_package(struct Transaction *transaction, const char *package);
/* Gives a package, which need not be there yet, another text. */
int cms_replace_text(struct Transaction *transaction, const char *package, const char *text);
/* Writes a table of cms_package_load's form back: what is other in it is set, what is missing in it is taken away. It stays the
 * caller's. */
int cms_package_save(struct Transaction *transaction, const char *package, struct ConfigHashEntry *entries);

/* Commits: answers when the log has it on disk and the package files are written. After CMS_E_CONFLICT, CMS_E_REFUSED and
 * CMS_E_PARSE nothing was committed and the transaction is active still; what there is to tell is below. CMS_E_FILES_PENDING is
 * a commit. */
int cms_transaction_commit(struct Transaction *transaction, uint64_t *revision);
/* The keys of a conflict, and what a schema or the parser found; they belong to the transaction, until the next commit. */
const cms_list *cms_transaction_conflicts(const struct Transaction *transaction);
const cms_diagnostics *cms_transaction_diagnostics(const struct Transaction *transaction);

/* Which transactions there are, and changes that need none of their own. Its members are there to be read, with tx_lock held where other
 * threads use the manager, too; nobody calls the library for this manager while he holds the lock. The library alone makes and frees it.
 * Any number of threads may use one. */
struct TransactionManager {
    struct Transaction *active_tx; /* by their ids: as they were when cms_transactions_load was called last. They are there to be looked
                                    * at (id, start_time), belong to the manager, and stay until it is called again */
    pthread_mutex_t tx_lock;
    uint64_t last_tx_id; /* of those that this manager has begun or seen; 0 before the first */
    bool auto_commit;    /* cms_transactions_set_auto_commit changes it */
};

/* Auto-commit is on. */
struct TransactionManager *cms_transactions_new(cms_store *store);
/* Frees it; what is open is rolled back. Transactions that cms_transactions_begin handed over stay the caller's. */
void cms_transactions_free(struct TransactionManager *manager);
/* Fills active_tx: with all that this process has begun in the store and not ended, whoever did. */
int cms_transactions_load(struct TransactionManager *manager);
/* Begins a transaction of the caller's own: cms_transaction_free. */
struct Transaction *cms_transactions_begin(struct TransactionManager *manager);

/* With auto-commit each change is a commit of its own, whose number is put into *revision. Without, changes gather in a transaction that
 * the manager keeps open, and *revision is 0; a change that fails leaves what is open as it was. In all of these the revision may be
 * NULL. Turning auto-commit on commits what is open; if that fails it stays off. */
int cms_transactions_set_auto_commit(struct TransactionManager *manager, bool on, uint64_t *revision);
/* As cms_set and cms_delete. */
int cms_transactions_set(struct TransactionManager *manager, const char *key, const char *value, uint64_t *revision);
int cms_transactions_delete(struct TransactionManager *manager, const char *key, uint64_t *revision);
/* Any change: the callback makes it in the transaction that it is handed, and answers 0, or a code, which takes back what it did and is
 * answered. It neither frees the transaction nor calls the manager. */
typedef int (*cms_change_callback)(struct Transaction *transaction, void *context);
int cms_transactions_change(struct TransactionManager *manager, cms_change_callback change, void *context, uint64_t *revision);
/* Commits what is open; *revision is 0 if nothing is. What was refused stays open, as with cms_transaction_commit. */
int cms_transactions_commit(struct TransactionManager *manager, uint64_t *revision);
/* Takes back what is open. */
int cms_transactions_rollback(struct TransactionManager *manager);
/* What is open, or NULL: for its changes, conflicts and diagnostics. It belongs to the manager, until that commits it or rolls it back. */
struct Transaction *cms_transactions_open(struct TransactionManager *manager);

/* One change of a commit. The action is the word of cms's JSON output: set, unset, add-section, ... */
typedef struct cms_change {
    const char *action;
    const char *key;
    const char *old_value; /* NULL if there was none; a newline between the items of a list */
    const char *new_value;
} cms_change;

typedef struct cms_commit {
    uint64_t revision;
    int64_t time_us; /* since 1970 */
    const char *author;
    const char *tool;
    const char *message;
    size_t change_count;
    const cms_change *changes;
} cms_commit;

typedef struct cms_commits {
    size_t count;
    const cms_commit *items;
} cms_commits;
void cms_history_free(cms_commits *history);

/* What was committed at a key (NULL: everywhere) after a revision (0: ever), the newest first, at most so many (0: all). */
cms_commits *cms_history(cms_store *store, const char *key, uint64_t since, size_t limit);

enum cms_notice_kind {
    CMS_NOTICE_COMMIT = 1,    /* a commit changed something that was asked for */
    CMS_NOTICE_LAGGED = 2,    /* the subscriber was too slow; what it missed follows */
    CMS_NOTICE_COMPACTED = 3, /* the log no longer has what was missed: take the state of commit.revision, what is after it follows */
    CMS_NOTICE_STOPPED = 4    /* nothing follows; commit.message says why */
};

typedef struct cms_notice {
    int kind;
    cms_commit commit;
} cms_notice;
void cms_notice_free(cms_notice *notice);

/* Watches keys that match patterns ("network.*.mtu", "network.**"), from the commit after a revision on, or CMS_NOW. The library reads
 * ahead in a thread of its own. */
cms_watch *cms_watch_open(cms_store *store, const char *const *patterns, size_t count, uint64_t after);
/* A descriptor for poll, select and epoll: it can be read as long as a notice waits. It belongs to the watch; only poll it. */
int cms_watch_fd(const cms_watch *watch);
/* Takes the next notice, which is the caller's. Waits so many milliseconds (0: not at all, -1: for ever), then CMS_E_TIMEOUT. */
int cms_watch_next(cms_watch *watch, int timeout_ms, cms_notice **notice);
void cms_watch_close(cms_watch *watch);

/* Events by callbacks. `data` is a const cms_notice * that lives until the callback returns. Callbacks run in threads of the manager's,
 * those of one subscriber one after the other; they must not free their manager. */
typedef void (*EventCallback)(void *data, void *context);

/* Who subscribed to what. The members are there to be read, with the manager's lock held: cms_events_subscribe and _unsubscribe change
 * the tables, and wait for that lock; nobody calls them while he holds it. A subscriber that was told CMS_NOTICE_STOPPED is there until it
 * is unsubscribed. */
struct EventSubscriber {
    char *subscriber_id;
    EventCallback callback;
    void *context;
    UT_hash_handle hh; /* by subscriber_id */
};

struct EventTopic {
    char *topic_name; /* the pattern */
    struct EventSubscriber *subscribers;
    pthread_mutex_t lock; /* held by the library while it changes subscribers */
    UT_hash_handle hh; /* by topic_name; a topic is there as long as it has subscribers */
};

struct EventManager {
    struct EventTopic *topics;
    pthread_mutex_t lock;
    size_t max_subscribers; /* of one topic */
};

/* At most so many subscribers of one topic; 0 is 1000. */
struct EventManager *cms_events_new(cms_store *store, size_t max_subscribers);
int cms_events_subscribe(struct EventManager *events, const char *subscriber_id, const char *topic, uint64_t after,
                         EventCallback callback, void *context);
/* After this the callback is not called any more, unless it is running. */
int cms_events_unsubscribe(struct EventManager *events, const char *subscriber_id);
/* Ends all subscriptions, and waits for callbacks that run. */
void cms_events_free(struct EventManager *events);

/* A version of a module's schema. The members are there to be read. */
struct SchemaVersion {
    uint32_t major;
    uint32_t minor;
    uint32_t patch;
    char *description; /* NULL if it has none */
    time_t created_at; /* 0 if that was not said */
    struct {
        char *sql;      /* the statements about tables, each on lines of its own; NULL if there are none. Steps: cms_schema_steps */
        char *rollback; /* those that take it back; NULL leaves that to the log */
    } migration;
    UT_hash_handle hh; /* by the three numbers: HASH_FIND(hh, registry->versions, numbers, CMS_SCHEMA_KEY, found) */
};
#define CMS_SCHEMA_KEY (3 * sizeof(uint32_t))

/* What is known of the versions of a module: those of its file, and those that were registered before; the oldest comes first. The members
 * are there to be read, with the lock held where another thread may call cms_schema_load. The library alone makes and frees it. */
struct SchemaRegistry {
    struct SchemaVersion *versions;
    uint32_t current_major; /* the version of the module's file */
    uint32_t current_minor;
    uint32_t current_patch;
    char *module_name;
    pthread_mutex_t lock;
};

/* CMS_E_NOT_FOUND if there is no such module, CMS_E_REFUSED if its file has faults. */
struct SchemaRegistry *cms_schema_open(cms_store *store, const char *module);
void cms_schema_free(struct SchemaRegistry *registry);
/* Reads the module anew. The versions that were shown before are freed. */
int cms_schema_load(struct SchemaRegistry *registry);
/* A version; belongs to the registry, until it is loaded anew. */
struct SchemaVersion *cms_schema_find(struct SchemaRegistry *registry, uint32_t major, uint32_t minor, uint32_t patch);
/* The steps of the migration that leads to a version, or, with back, those that were written to take it back: none are if that is
 * derived. The caller's: cms_list_free. */
cms_list *cms_schema_steps(struct SchemaRegistry *registry, uint32_t major, uint32_t minor, uint32_t patch, bool back);

/* Where the data of a module stands. */
typedef struct cms_schema_state {
    uint32_t data_major;
    uint32_t data_minor;
    uint32_t data_patch;
    bool is_stamped; /* whether the data says so itself; else it counts as the oldest version */
    size_t pending;  /* so many migrations are to come */
} cms_schema_state;
int cms_schema_ask(struct SchemaRegistry *registry, cms_schema_state *state);

/* A step, or a statement of SQL, and how often it was taken: in so many sections, on so many rows. */
typedef struct cms_migration_step {
    const char *step;
    uint64_t taken;
    uint64_t conflicts;
} cms_migration_step;

/* What a step could not do; there the data stays as it was. */
typedef struct cms_migration_conflict {
    const char *key;
    const char *step; /* "" if it is none's */
    const char *message;
} cms_migration_conflict;

typedef struct cms_migration {
    const char *from; /* "1.0.0" */
    const char *to;
    uint64_t revision; /* of the commit, or the newest if nothing changed */
    size_t step_count;
    const cms_migration_step *steps;
    size_t conflict_count;
    const cms_migration_conflict *conflicts;
    size_t more_conflicts; /* so many besides */
    size_t change_count;
    const cms_change *changes;
} cms_migration;
void cms_migration_free(cms_migration *migration);

enum cms_migration_flags {
    CMS_DRY_RUN = 1, /* only say what would be done */
    CMS_STRICT = 2   /* CMS_E_REFUSED, and no change, if a step has a conflict */
};

/* Brings the data of a module to a version ("1.2.0"; NULL: to that of the module), or takes migrations back (NULL: the last), by one
 * commit. CMS_E_NEWER if the data is of a newer version, CMS_E_NOT_FOUND if no path leads there, CMS_E_REFUSED if a statement of SQL
 * fails or what was done to tables cannot be taken back. The report is the caller's, cms_migration_free, and may be NULL. */
int cms_schema_migrate(struct SchemaRegistry *registry, const char *to, unsigned flags, cms_migration **report);
int cms_schema_rollback(struct SchemaRegistry *registry, const char *to, unsigned flags, cms_migration **report);

#ifdef __cplusplus
}
#endif

#endif
