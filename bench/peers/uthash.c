/* uthash as its manual shows it: entries in the heap, found by a string. */
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "uthash.h"

struct entry {
  char *key;
  char *value;
  UT_hash_handle hh;
};

struct table {
  struct entry *head;
};

struct table *peer_uthash_new(void) { return calloc(1, sizeof(struct table)); }

/* Sets a key, or changes it. Answers 0 unless memory ran out. */
int peer_uthash_set(struct table *table, const char *key, const char *value) {
  struct entry *entry;
  char *copy = strdup(value);
  HASH_FIND_STR(table->head, key, entry);
  if (entry) {
    free(entry->value);
    entry->value = copy;
    return copy ? 0 : 1;
  }
  entry = calloc(1, sizeof *entry);
  if (!entry || !copy) return 1;
  entry->key = strdup(key);
  entry->value = copy;
  HASH_ADD_KEYPTR(hh, table->head, entry->key, strlen(entry->key), entry);
  return 0;
}

/* Asks for all; the first byte of each value is looked at. */
uint64_t peer_uthash_ask(const struct table *table, struct questions asked) {
  uint64_t sum = 0;
  for (size_t at = 0; at < asked.count; at++) {
    const char *key = asked.text + asked.ends[at];
    struct entry *entry;
    HASH_FIND_STR(table->head, key, entry);
    if (entry) sum += (unsigned char)entry->value[0];
  }
  return sum;
}

/* The same, but which key comes next is known only when the answer is there. `zero` is 0. */
uint64_t peer_uthash_ask_in_turn(const struct table *table, struct questions asked, size_t zero) {
  uint64_t sum = 0;
  for (size_t at = 0; at < asked.count;) {
    const char *key = asked.text + asked.ends[at];
    struct entry *entry;
    size_t byte = 0;
    HASH_FIND_STR(table->head, key, entry);
    if (entry) byte = (unsigned char)entry->value[0];
    sum += byte;
    at += 1 + (byte & zero);
  }
  return sum;
}

void peer_uthash_free(struct table *table) {
  struct entry *entry, *next;
  HASH_ITER(hh, table->head, entry, next) {
    HASH_DEL(table->head, entry);
    free(entry->key);
    free(entry->value);
    free(entry);
  }
  free(table);
}
