/* Brings the data of a module to the version of its schema, after it has shown what that would change.
 *
 *   migrate MODULE [DIRECTORY]     the directory of the packages; without it $CMS_TEST_CONFIG, then /etc/config
 */

#include <cms/cms.h>

#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what)
{
    fprintf(stderr, "migrate: %s: %s\n", what, cms_last_error());
    return 1;
}

static void show(const cms_migration *report)
{
    for (size_t i = 0; i < report->step_count; i++)
        printf("  %s: %llu times\n", report->steps[i].step, (unsigned long long)report->steps[i].taken);
    for (size_t i = 0; i < report->conflict_count; i++)
        printf("  stays as it is: %s: %s\n", report->conflicts[i].key, report->conflicts[i].message);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: migrate MODULE [DIRECTORY]\n");
        return 2;
    }
    cms_store *store = cms_open(argc > 2 ? argv[2] : getenv("CMS_TEST_CONFIG"));
    if (store == NULL)
        return failed("cannot open the configuration");
    struct SchemaRegistry *registry = cms_schema_open(store, argv[1]);
    if (registry == NULL)
        return failed("cannot read the schema");

    struct SchemaVersion *version, *next;
    HASH_ITER(hh, registry->versions, version, next)
        printf("%u.%u.%u %s\n", version->major, version->minor, version->patch, version->description != NULL ? version->description : "");

    cms_schema_state state;
    if (cms_schema_ask(registry, &state) != CMS_OK)
        return failed("cannot read where the data stands");
    printf("the data has version %u.%u.%u; %zu migrations are to come\n", state.data_major, state.data_minor, state.data_patch,
           state.pending);

    cms_migration *report;
    if (cms_schema_migrate(registry, NULL, CMS_DRY_RUN, &report) != CMS_OK)
        return failed("there is no way");
    show(report);
    int is_clean = report->conflict_count == 0;
    cms_migration_free(report);

    /* A program that updates itself does not want to go half the way. */
    if (!is_clean || cms_schema_migrate(registry, NULL, CMS_STRICT, &report) != CMS_OK)
        return is_clean ? failed("cannot migrate") : 1;
    printf("revision %llu has version %s\n", (unsigned long long)report->revision, report->to);
    cms_migration_free(report);
    cms_schema_free(registry);
    cms_close(store);
    return 0;
}
