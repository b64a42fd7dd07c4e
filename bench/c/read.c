/* Reads options again and again, from a store of libcms, through its layer for programs of libuci, and from uthash.

     read HOME ROUNDS

   Prints a line for each round: nanoseconds of config_get_string and of HASH_FIND_STR on 1,000 keys; of a typed read through a handle and of
   a load from memory; of uci_lookup_ptr and of HASH_FIND_STR on 1,200 options, and of both on a million. */
#include <cms/cms.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <uci.h>
#include <uthash.h>

enum { KEYS = 1000, FEW = 1200, MANY = 1000000, ASKED = 200000, PER_SECTION = 12 };

struct entry {
  char *key;
  char *value;
  UT_hash_handle hh;
};

static void need(int is_well, const char *what) {
  if (!is_well) {
    fprintf(stderr, "%s: %s\n", what, cms_last_error());
    exit(1);
  }
}

/* The time of this thread on a core: others may have the machine meanwhile. */
static volatile uint64_t seen;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static uint64_t state = 7;

static size_t below(size_t bound) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (size_t)((state >> 33) % bound);
}

static void add(struct entry **table, const char *key, const char *value) {
  struct entry *entry = calloc(1, sizeof *entry);
  need(entry != NULL, "memory");
  entry->key = strdup(key);
  entry->value = strdup(value);
  HASH_ADD_KEYPTR(hh, *table, entry->key, strlen(entry->key), entry);
}

/* So many options in sections of a package, named `package.section.option`. */
static void key_of(char *key, size_t size, const char *package, size_t number) {
  snprintf(key, size, "%s.section_%05zu.option_%02zu", package, number / PER_SECTION, number % PER_SECTION);
}

/* Keys one behind the other, in the order in which they are asked for. */
static char *questions(const char *package, size_t count, size_t width) {
  char *text = malloc(width * ASKED);
  need(text != NULL, "memory");
  for (size_t at = 0; at < ASKED; at++) key_of(text + width * at, width, package, below(count));
  return text;
}

static double ask_uthash(struct entry *table, const char *keys, size_t width) {
  uint64_t sum = 0;
  double start = now();
  for (size_t at = 0; at < ASKED; at++) {
    struct entry *entry;
    HASH_FIND_STR(table, keys + width * at, entry);
    if (entry) sum += (unsigned char)entry->value[0];
  }
  seen = sum;
  return (now() - start) / ASKED;
}

static double ask_store(struct ConfigStore *store, const char *keys, size_t width) {
  uint64_t sum = 0;
  char none[] = "";
  double start = now();
  for (size_t at = 0; at < ASKED; at++)
    sum += (unsigned char)config_get_string(store, keys + width * at, none)[0];
  seen = sum;
  return (now() - start) / ASKED;
}

/* A reference is cut up where it stands, so each is asked for in a copy, as programs do; the copy is part of the time. */
static double ask_uci(struct uci_context *context, const char *keys, size_t width) {
  uint64_t sum = 0;
  char key[64];
  double start = now();
  for (size_t at = 0; at < ASKED; at++) {
    struct uci_ptr found;
    memcpy(key, keys + width * at, width);
    if (uci_lookup_ptr(context, &found, key, false) == UCI_OK && found.o) sum += (unsigned char)found.o->v.string[0];
  }
  seen = sum;
  return (now() - start) / ASKED;
}

static void write_package(const char *folder, const char *package, size_t count) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, package);
  FILE *file = fopen(path, "w");
  need(file != NULL, path);
  for (size_t number = 0; number < count; number++) {
    if (number % PER_SECTION == 0) fprintf(file, "\nconfig host 'section_%05zu'\n", number / PER_SECTION);
    if (number == 0) fprintf(file, "\toption number '7'\n");
    fprintf(file, "\toption option_%02zu 'value of %zu'\n", number % PER_SECTION, number);
  }
  fclose(file);
}

static struct uci_package *loaded(struct uci_context *context, const char *package) {
  struct uci_package *found = NULL;
  need(uci_load(context, package, &found) == UCI_OK, package);
  return found;
}

int main(int count, char **arguments) {
  need(count == 3, "read HOME ROUNDS");
  const char *home = arguments[1];
  const size_t width = 48;
  char path[4096], key[64], value[64];

  snprintf(path, sizeof path, "%s/c.store", home);
  struct ConfigStore *store = config_store_init(path, 64 << 20);
  need(store != NULL, path);
  struct entry *own = NULL, *few = NULL, *many = NULL;
  for (size_t number = 0; number < KEYS; number++) {
    key_of(key, sizeof key, "network", number);
    snprintf(value, sizeof value, "value of %zu", number);
    need(config_set_string(store, key, value) == CMS_OK, key);
    add(&own, key, value);
  }
  char *asked = questions("network", KEYS, width);

  char config[4096], large[4096];
  snprintf(config, sizeof config, "%s/config", home);
  snprintf(large, sizeof large, "%s/large", home);
  write_package(config, "few", FEW);
  need(mkdir(large, 0700) == 0, large);
  write_package(large, "many", MANY);
  struct uci_context *context = uci_alloc_context();
  need(context != NULL && uci_set_confdir(context, config) == UCI_OK, config);
  loaded(context, "few");
  need(uci_set_confdir(context, large) == UCI_OK, large);
  loaded(context, "many");
  for (size_t number = 0; number < MANY; number++) {
    snprintf(value, sizeof value, "value of %zu", number);
    key_of(key, sizeof key, "many", number);
    add(&many, key, value);
    if (number < FEW) {
      key_of(key, sizeof key, "few", number);
      add(&few, key, value);
    }
  }
  char *asked_few = questions("few", FEW, width), *asked_many = questions("many", MANY, width);

  cms_store *opened = cms_open(config);
  need(opened != NULL, config);
  cms_handle *handle = cms_bind_int(opened, "few.section_00000.number");
  need(handle != NULL && cms_handle_int(handle, 0) == 7, "cms_bind_int");
  volatile int64_t plain = 7;

  for (int round = -1; round < atoi(arguments[2]); round++) {
    double store_time = ask_store(store, asked, width), own_time = ask_uthash(own, asked, width);
    uint64_t sum = 0;
    double start = now();
    for (size_t at = 0; at < ASKED; at++) sum += (uint64_t)cms_handle_int(handle, 0);
    double handle_time = (now() - start) / ASKED;
    start = now();
    for (size_t at = 0; at < ASKED; at++) sum += (uint64_t)plain;
    seen = sum;
    double plain_time = (now() - start) / ASKED;
    double few_time = ask_uci(context, asked_few, width), few_own = ask_uthash(few, asked_few, width);
    double many_time = ask_uci(context, asked_many, width), many_own = ask_uthash(many, asked_many, width);
    if (round < 0) continue;
    printf("%.3f %.3f %.3f %.3f %.3f %.3f %.3f %.3f\n", store_time, own_time, handle_time, plain_time, few_time, few_own,
           many_time, many_own);
  }
  return 0;
}
