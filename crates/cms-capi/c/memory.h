/* What the views share: strings of malloc's, and uthash's macros that answer a lack of memory instead of ending the process. */
#ifndef CMS_MEMORY_H
#define CMS_MEMORY_H

#define HASH_NONFATAL_OOM 1
static _Thread_local int is_out_of_memory;
#define uthash_nonfatal_oom(element) (is_out_of_memory = 1)

#include <cms/cms.h>

#include <stdlib.h>
#include <string.h>

static inline char *copy(const char *text, size_t length)
{
    char *made = malloc(length + 1);
    if (made != NULL) {
        if (length > 0)
            memcpy(made, text, length);
        made[length] = '\0';
    }
    return made;
}

#endif
