/* uci.h - for programs that were written for libuci: its commonly used functions and structs, by libcms.
 *
 * It works on the same files, under the same locks, and with the same staged changes as uci. What a commit writes it keeps comments
 * and layout of. Where cms watches the directory, a commit through this interface is one by `external`.
 *
 * A context belongs to one thread at a time. Elements belong to their context: a section or option stays where it is until it is
 * deleted or its package is unloaded, loaded anew, committed or reverted (then the package that the call answers counts). An option
 * keeps its place when its value changes; the string and the items of the old value are gone.
 */
#ifndef __LIBUCI_H
#define __LIBUCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UCI_CONFDIR "/etc/config"
#define UCI_SAVEDIR "/tmp/.uci"

enum {
    UCI_OK = 0,
    UCI_ERR_MEM,
    UCI_ERR_INVAL,
    UCI_ERR_NOTFOUND,
    UCI_ERR_IO,
    UCI_ERR_PARSE,
    UCI_ERR_DUPLICATE,
    UCI_ERR_UNKNOWN,
    UCI_ERR_LAST
};

struct uci_list {
    struct uci_list *next;
    struct uci_list *prev;
};

enum uci_type {
    UCI_TYPE_UNSPEC = 0,
    UCI_TYPE_DELTA = 1,
    UCI_TYPE_PACKAGE = 2,
    UCI_TYPE_SECTION = 3,
    UCI_TYPE_OPTION = 4,
    UCI_TYPE_PATH = 5,
    UCI_TYPE_BACKEND = 6,
    UCI_TYPE_ITEM = 7,
    UCI_TYPE_HOOK = 8
};

enum uci_option_type {
    UCI_TYPE_STRING = 0,
    UCI_TYPE_LIST = 1
};

enum uci_flags {
    UCI_FLAG_STRICT = (1 << 0),     /* set at first; without it texts with errors are refused all the same */
    UCI_FLAG_EXPORT_NAME = (1 << 2) /* uci_export writes the names that anonymous sections go by */
};

struct uci_element {
    struct uci_list list;
    enum uci_type type;
    char *name;
};

/* uci_alloc_context alone makes one. */
struct uci_context {
    struct uci_list root; /* the loaded packages */
    int flags;
    char *confdir;
    char *savedir;
    int err; /* the code of the last call */
    const char *func;
};

struct uci_package {
    struct uci_element e;
    struct uci_list sections;
    struct uci_context *ctx;
    bool has_delta;
    char *path;
    int n_section;
};

struct uci_section {
    struct uci_element e;
    struct uci_list options;
    struct uci_package *package;
    bool anonymous;
    char *type;
};

struct uci_option {
    struct uci_element e;
    struct uci_section *section;
    enum uci_option_type type;
    union {
        struct uci_list list; /* of elements, whose names are the items */
        char *string;
    } v;
};

#define UCI_LOOKUP_DONE (1 << 0)
#define UCI_LOOKUP_COMPLETE (1 << 1)
#define UCI_LOOKUP_EXTENDED (1 << 2)

struct uci_ptr {
    enum uci_type target;
    int flags;
    struct uci_package *p;
    struct uci_section *s;
    struct uci_option *o;
    struct uci_element *last; /* the deepest element that is there */
    const char *package;
    const char *section;
    const char *option;
    const char *value;
};

struct uci_context *uci_alloc_context(void);
void uci_free_context(struct uci_context *ctx);
int uci_set_confdir(struct uci_context *ctx, const char *dir);
int uci_set_savedir(struct uci_context *ctx, const char *dir);
/* Reads staged changes from another folder as well, before those of the save folder. */
int uci_add_delta_path(struct uci_context *ctx, const char *dir);

/* Loads a package with what is staged for it; what was loaded of it before is freed. */
int uci_load(struct uci_context *ctx, const char *name, struct uci_package **package);
int uci_unload(struct uci_context *ctx, struct uci_package *p);

/* Cuts "PACKAGE.SECTION.OPTION=VALUE" into its parts, and writes to the string for that; it must live as long as the pointer is used. */
int uci_parse_ptr(struct uci_context *ctx, struct uci_ptr *ptr, char *str);
/* That, and finds what is named; loads the package if need be. A NULL string completes a pointer of which the program has filled
 * some parts. UCI_LOOKUP_COMPLETE is set if everything was found; UCI_ERR_NOTFOUND is for a package or an extended reference. */
int uci_lookup_ptr(struct uci_context *ctx, struct uci_ptr *ptr, char *str, bool extended);
/* By name in a loaded package; they answer NULL where there is none. */
struct uci_section *uci_lookup_section(struct uci_context *ctx, struct uci_package *p, const char *name);
struct uci_option *uci_lookup_option(struct uci_context *ctx, struct uci_section *s, const char *name);
const char *uci_lookup_option_string(struct uci_context *ctx, struct uci_section *s, const char *name);

/* Changes, in memory until they are saved or committed. After them the pointer leads to what was made or changed. */
int uci_set(struct uci_context *ctx, struct uci_ptr *ptr);
int uci_add_list(struct uci_context *ctx, struct uci_ptr *ptr);
int uci_del_list(struct uci_context *ctx, struct uci_ptr *ptr);
int uci_delete(struct uci_context *ctx, struct uci_ptr *ptr);
int uci_rename(struct uci_context *ctx, struct uci_ptr *ptr);
int uci_reorder_section(struct uci_context *ctx, struct uci_section *s, int pos);
int uci_add_section(struct uci_context *ctx, struct uci_package *p, const char *type, struct uci_section **res);

/* Stages the changes; writes the package, which is loaded anew; drops what is staged at the pointer, which leads to the package then. */
int uci_save(struct uci_context *ctx, struct uci_package *p);
int uci_commit(struct uci_context *ctx, struct uci_package **p, bool overwrite);
int uci_revert(struct uci_context *ctx, struct uci_ptr *ptr);

/* Reads packages from a stream, to its end: all of them or, after an error, none. The text before the first line `package` is that of the
 * package `name`, which may be NULL if the stream begins with such a line; with `single` these lines mean nothing. The packages are
 * in memory: uci_commit(ctx, &p, true) writes one, in place of the file that there may be. *package is the last of them, or NULL if the
 * stream is empty. UCI_ERR_DUPLICATE is for a package that is loaded already.
 * With `single` and a *package that is loaded, what the stream says is set in that one, and can be saved or committed as other
 * changes are. */
int uci_import(struct uci_context *ctx, FILE *stream, const char *name, struct uci_package **package, bool single);
/* Writes a package, or with NULL all that are loaded, with the changes that are not saved yet; with the line `package`, if header is set. */
int uci_export(struct uci_context *ctx, FILE *stream, struct uci_package *package, bool header);

/* Takes words from a line, quoted as in a shell; a line goes on behind a backslash and within quotes. With *str NULL the next line of the
 * stream is read, and *str set to where the next word begins, which the next call is given. *result is the word, and "" behind the last
 * one, also at the end of the stream: ask feof. It belongs to the context, until the next line is read. */
int uci_parse_argument(struct uci_context *ctx, FILE *stream, char **str, char **result);
/* Whether a text can be the value of an option. */
bool uci_validate_text(const char *str);

/* The packages of the directory, then a NULL; one free() takes it all. */
int uci_list_configs(struct uci_context *ctx, char ***list);

void uci_perror(struct uci_context *ctx, const char *str);
/* The same as text, for free(). */
void uci_get_errorstr(struct uci_context *ctx, char **dest, const char *str);

/* ------------------------------------------------------------- walking through */

#define container_of_uci(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#ifndef container_of
#define container_of container_of_uci
#endif

#define list_to_element(ptr) container_of_uci(ptr, struct uci_element, list)
#define element_to_package(ptr) container_of_uci(ptr, struct uci_package, e)
#define element_to_section(ptr) container_of_uci(ptr, struct uci_section, e)
#define element_to_option(ptr) container_of_uci(ptr, struct uci_option, e)

/* Each element of a list; the safe one bears the element's deletion. */
#define uci_foreach_element(_list, _ptr)               \
    for (_ptr = list_to_element((_list)->next);        \
         &_ptr->list != (_list);                       \
         _ptr = list_to_element(_ptr->list.next))
#define uci_foreach_element_safe(_list, _tmp, _ptr)                                       \
    for (_ptr = list_to_element((_list)->next), _tmp = list_to_element(_ptr->list.next);  \
         &_ptr->list != (_list);                                                          \
         _ptr = _tmp, _tmp = list_to_element(_ptr->list.next))
#define uci_list_empty(list) ((list)->next == (list))

static inline struct uci_package *uci_to_package(struct uci_element *e)
{
    return e != NULL && e->type == UCI_TYPE_PACKAGE ? element_to_package(e) : NULL;
}

static inline struct uci_section *uci_to_section(struct uci_element *e)
{
    return e != NULL && e->type == UCI_TYPE_SECTION ? element_to_section(e) : NULL;
}

static inline struct uci_option *uci_to_option(struct uci_element *e)
{
    return e != NULL && e->type == UCI_TYPE_OPTION ? element_to_option(e) : NULL;
}

static inline struct uci_package *uci_lookup_package(struct uci_context *ctx, const char *name)
{
    struct uci_element *e;
    uci_foreach_element(&ctx->root, e) {
        if (strcmp(e->name, name) == 0)
            return uci_to_package(e);
    }
    return NULL;
}

/* Each section of a type. */
#define uci_foreach_sections(_package, _type, _element, _section)                       \
    uci_foreach_element(&(_package)->sections, _element)                                \
        if ((_section = uci_to_section(_element)) != NULL && strcmp(_section->type, _type) == 0)

/* The options of a section that a program knows, found in one walk. */
struct uci_parse_option {
    const char *name;
    enum uci_option_type type;
};

static inline void uci_parse_section(struct uci_section *s, const struct uci_parse_option *opts, int n_opts,
                                     struct uci_option **tb)
{
    struct uci_element *e;
    memset(tb, 0, (size_t)n_opts * sizeof *tb);
    uci_foreach_element(&s->options, e) {
        struct uci_option *o = uci_to_option(e);
        int i;
        for (i = 0; i < n_opts; i++) {
            if (tb[i] == NULL && strcmp(opts[i].name, e->name) == 0 && opts[i].type == o->type) {
                tb[i] = o;
                break;
            }
        }
    }
}

static inline uint32_t uci_hash_text(uint32_t hash, const char *text)
{
    do /* FNV-1a, the end included */
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    while (*text++ != '\0');
    return hash;
}

/* A number that changes with what the options say, in the order of the table; those that are missing may be NULL. */
static inline uint32_t uci_hash_options(struct uci_option **tb, int n_opts)
{
    uint32_t hash = 2166136261u;
    int i;
    for (i = 0; i < n_opts; i++) {
        struct uci_option *o = tb[i];
        hash = uci_hash_text(hash, o != NULL ? o->e.name : "");
        if (o != NULL && o->type == UCI_TYPE_STRING)
            hash = uci_hash_text(hash, o->v.string);
        if (o != NULL && o->type == UCI_TYPE_LIST) {
            struct uci_element *e;
            uci_foreach_element(&o->v.list, e)
                hash = uci_hash_text(hash, e->name);
        }
    }
    return hash;
}

#ifdef __cplusplus
}
#endif

#endif
