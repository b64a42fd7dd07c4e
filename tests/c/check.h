/* What the tests in C share: a check that says where it failed. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                        \
    do {                                                                                                        \
        if (!(condition)) {                                                                                     \
            fprintf(stderr, "%s:%d: %s\n  last error %d: %s\n", __FILE__, __LINE__, #condition, cms_last_status(), \
                    cms_last_error());                                                                          \
            exit(1);                                                                                            \
        }                                                                                                       \
    } while (0)

#define CHECK_TEXT(text, expected)                                                                              \
    do {                                                                                                        \
        const char *found_ = (text);                                                                            \
        if (found_ == NULL || strcmp(found_, (expected)) != 0) {                                                \
            fprintf(stderr, "%s:%d: '%s', not '%s'\n  last error: %s\n", __FILE__, __LINE__,                     \
                    found_ != NULL ? found_ : "(null)", (expected), cms_last_error());                          \
            exit(1);                                                                                            \
        }                                                                                                       \
    } while (0)

#endif
