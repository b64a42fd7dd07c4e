/* LMDB: the other store that readers of any process read in place. */
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "peers.h"

struct store {
  MDB_env *env;
  MDB_dbi dbi;
  MDB_txn *reading;
  MDB_txn *loading;
};

/* Opens a store; not durable, as a store in memory is not. */
struct store *peer_lmdb_open(const char *path) {
  struct store *store = calloc(1, sizeof *store);
  if (!store) return NULL;
  if (mdb_env_create(&store->env) || mdb_env_set_mapsize(store->env, (size_t)4 << 30) ||
      mdb_env_open(store->env, path, MDB_NOSYNC | MDB_NOMETASYNC | MDB_NOSUBDIR, 0600) ||
      mdb_txn_begin(store->env, NULL, 0, &store->loading) ||
      mdb_dbi_open(store->loading, NULL, 0, &store->dbi)) {
    free(store);
    return NULL;
  }
  return store;
}

static int put(struct store *store, MDB_txn *txn, const char *key, const char *value) {
  MDB_val k = {strlen(key), (void *)key}, v = {strlen(value), (void *)value};
  return mdb_put(txn, store->dbi, &k, &v, 0);
}

/* Adds to the load that opening began. */
int peer_lmdb_add(struct store *store, const char *key, const char *value) {
  return put(store, store->loading, key, value);
}

/* Ends the load, and begins to read. */
int peer_lmdb_loaded(struct store *store) {
  int failed = mdb_txn_commit(store->loading);
  store->loading = NULL;
  return failed ? failed : mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reading);
}

/* Sets a key in a transaction of its own, and ends the reading: it would keep every page that is no longer in use. */
int peer_lmdb_set(struct store *store, const char *key, const char *value) {
  MDB_txn *txn;
  if (store->reading) {
    mdb_txn_abort(store->reading);
    store->reading = NULL;
  }
  int failed = mdb_txn_begin(store->env, NULL, 0, &txn);
  if (failed) return failed;
  failed = put(store, txn, key, value);
  if (failed) {
    mdb_txn_abort(txn);
    return failed;
  }
  return mdb_txn_commit(txn);
}

/* Asks for all in one long transaction; the first byte of each value is looked at. */
uint64_t peer_lmdb_ask(struct store *store, struct questions asked) {
  uint64_t sum = 0;
  for (size_t at = 0; at < asked.count; at++) {
    MDB_val k = {asked.ends[at + 1] - asked.ends[at] - 1, (void *)(asked.text + asked.ends[at])}, v;
    if (!mdb_get(store->reading, store->dbi, &k, &v) && v.mv_size) sum += *(unsigned char *)v.mv_data;
  }
  return sum;
}

/* Reads all keys and values in order; answers their number. */
uint64_t peer_lmdb_scan(struct store *store, uint64_t *bytes) {
  MDB_cursor *cursor;
  MDB_val k, v;
  uint64_t count = 0;
  if (mdb_cursor_open(store->reading, store->dbi, &cursor)) return 0;
  while (!mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
    *bytes += k.mv_size + v.mv_size;
    count++;
  }
  mdb_cursor_close(cursor);
  return count;
}

void peer_lmdb_close(struct store *store) {
  if (store->reading) mdb_txn_abort(store->reading);
  if (store->loading) mdb_txn_abort(store->loading);
  mdb_env_close(store->env);
  free(store);
}
