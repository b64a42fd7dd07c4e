/* What the C peers share: how they are asked. */
#include <stddef.h>
#include <stdint.h>

/* Keys to ask for: each ends with a NUL, which belongs to no key. The key `at` lies from ends[at] to ends[at + 1] - 1. */
struct questions {
  const char *text;
  const uint32_t *ends;
  size_t count;
};
