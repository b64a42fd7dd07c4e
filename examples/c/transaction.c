/* A configuration with its log: a change, the conflict that another one would be, and who did what.
 *
 *   transaction [DIRECTORY]      the directory of the packages; without it $CMS_TEST_CONFIG, then /etc/config
 */

#include <cms/cms.h>

#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what)
{
    fprintf(stderr, "transaction: %s: %s\n", what, cms_last_error());
    return 1;
}

int main(int argc, char **argv)
{
    cms_store *store = cms_open(argc > 1 ? argv[1] : getenv("CMS_TEST_CONFIG"));
    if (store == NULL)
        return failed("cannot open the configuration");

    struct Transaction *transaction = cms_transaction_begin(store);
    if (transaction == NULL)
        return failed("cannot begin");
    cms_transaction_describe(transaction, "an example", NULL, "transaction.c");
    /* Nothing is there at the first time; CMS_E_EXISTS is as good. */
    cms_create_package(transaction, "example");
    if (cms_set(transaction, "example.main", "server") != CMS_OK || cms_add_list(transaction, "example.main.peer", "10.0.0.1") != CMS_OK)
        return failed("cannot change");

    uint64_t revision;
    switch (cms_transaction_commit(transaction, &revision)) {
    case CMS_OK:
        printf("revision %llu\n", (unsigned long long)revision);
        break;
    case CMS_E_CONFLICT: {
        const cms_list *keys = cms_transaction_conflicts(transaction);
        for (size_t i = 0; i < keys->count; i++)
            fprintf(stderr, "somebody else changed %s\n", keys->items[i]);
        return 1;
    }
    case CMS_E_REFUSED: {
        const cms_diagnostics *found = cms_transaction_diagnostics(transaction);
        for (size_t i = 0; i < found->count; i++)
            fprintf(stderr, "%s: %s\n", found->items[i].key, found->items[i].message);
        return 1;
    }
    default:
        return failed("cannot commit");
    }
    cms_transaction_free(transaction);

    cms_snapshot *snapshot = cms_snapshot_take(store);
    cms_list *peers = snapshot != NULL ? cms_get_list(snapshot, "example.main.peer") : NULL;
    if (peers == NULL)
        return failed("cannot read");
    for (size_t i = 0; i < peers->count; i++)
        printf("peer %s\n", peers->items[i]);
    cms_list_free(peers);
    cms_snapshot_free(snapshot);

    cms_commits *history = cms_history(store, "example", 0, 10);
    if (history == NULL)
        return failed("cannot read the history");
    for (size_t i = 0; i < history->count; i++)
        printf("%s: %zu changes\n", history->items[i].message, history->items[i].change_count);
    cms_history_free(history);
    cms_close(store);
    return 0;
}
