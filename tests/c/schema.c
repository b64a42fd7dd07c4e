/* Schemas: defaults, versions, and bringing data to them. */

#include <cms/cms.h>

#include "check.h"

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void defaults(cms_store *store)
{
    cms_snapshot *snapshot = cms_snapshot_take(store);
    CHECK(snapshot != NULL);
    int64_t number;
    double real;
    bool truth, is_default = false;
    CHECK(cms_effective_int(snapshot, "blog.home.port", &number, &is_default) == CMS_OK && number == 80 && is_default);
    CHECK(cms_effective_float(snapshot, "blog.home.port", &real, NULL) == CMS_OK && real == 80);
    CHECK(cms_get_int(snapshot, "blog.home.port", &number) == CMS_E_NOT_FOUND);
    CHECK(cms_effective_int(snapshot, "blog.home.cache", &number, &is_default) == CMS_OK && number == 64 * 1024 * 1024 && is_default);
    CHECK(cms_effective_int(snapshot, "blog.home.timeout", &number, NULL) == CMS_OK && number == 90);
    CHECK(cms_effective_bool(snapshot, "blog.home.open", &truth, &is_default) == CMS_OK && truth && !is_default);
    char *text = cms_effective_string(snapshot, "blog.home.title", &is_default);
    CHECK_TEXT(text, "Home");
    CHECK(!is_default);
    cms_string_free(text);
    cms_list *list = cms_effective_list(snapshot, "blog.home.port", &is_default);
    CHECK(list != NULL && list->count == 1 && is_default);
    CHECK_TEXT(list->items[0], "80");
    cms_list_free(list);
    CHECK(cms_effective_string(snapshot, "blog.home.none", NULL) == NULL && cms_last_status() == CMS_E_NOT_FOUND);
    CHECK_TEXT(cms_last_error(), "blog.home.none: it is not set, and no schema declares a default");
    CHECK(cms_effective_string(snapshot, "blog.nowhere.port", NULL) == NULL && cms_last_status() == CMS_E_NOT_FOUND);
    CHECK(cms_effective_string(snapshot, "blog.home", NULL) == NULL && cms_last_status() == CMS_E_INVALID);
    CHECK(cms_effective_int(snapshot, "blog.home.title", &number, NULL) == CMS_E_TYPE);
    CHECK(cms_effective_int(snapshot, "blog.home.port", NULL, NULL) == CMS_E_INVALID);
    cms_snapshot_free(snapshot);
}

static void check_value(cms_store *store, const char *key, const char *expected)
{
    cms_snapshot *snapshot = cms_snapshot_take(store);
    char *text = cms_get_string(snapshot, key);
    CHECK_TEXT(text, expected);
    cms_string_free(text);
    cms_snapshot_free(snapshot);
}

static void versions(cms_store *store)
{
    CHECK(cms_schema_open(store, "none") == NULL && cms_last_status() == CMS_E_NOT_FOUND);
    CHECK(cms_schema_open(store, "broken") == NULL && cms_last_status() == CMS_E_REFUSED);
    struct SchemaRegistry *registry = cms_schema_open(store, "blog");
    CHECK(registry != NULL);
    CHECK_TEXT(registry->module_name, "blog");
    CHECK(registry->current_major == 1 && registry->current_minor == 2 && registry->current_patch == 0);
    CHECK(HASH_COUNT(registry->versions) == 2 && registry->versions->minor == 1);
    struct SchemaVersion *found = cms_schema_find(registry, 1, 1, 0), *same;
    CHECK(found != NULL && found->created_at == 1793491200);
    CHECK_TEXT(found->description, "themes");
    CHECK(found->migration.sql == NULL && found->migration.rollback == NULL);
    const uint32_t numbers[] = {1, 2, 0};
    HASH_FIND(hh, registry->versions, numbers, CMS_SCHEMA_KEY, same);
    CHECK(same != NULL && same == cms_schema_find(registry, 1, 2, 0));
    CHECK(same->description == NULL && same->created_at == 0);
    CHECK_TEXT(same->migration.sql, "create table visits \"day text\" \"count int\"\n");
    CHECK_TEXT(same->migration.rollback, "drop table visits\n");
    CHECK(cms_schema_find(registry, 9, 0, 0) == NULL && cms_last_status() == CMS_E_NOT_FOUND);
    CHECK_TEXT(cms_last_error(), "module blog: version 9.0.0 is not known");
    cms_list *steps = cms_schema_steps(registry, 1, 1, 0, false);
    CHECK(steps != NULL && steps->count == 1);
    CHECK_TEXT(steps->items[0], "rename site.colour theme");
    cms_list_free(steps);
    steps = cms_schema_steps(registry, 1, 1, 0, true);
    CHECK(steps != NULL && steps->count == 0);
    cms_list_free(steps);

    cms_schema_state state;
    CHECK(cms_schema_ask(registry, &state) == CMS_OK && !state.is_stamped && state.pending == 2 && state.data_major == 0);
    cms_migration *report;
    CHECK(cms_schema_migrate(registry, NULL, CMS_DRY_RUN, &report) == CMS_OK);
    CHECK_TEXT(report->to, "1.2.0");
    CHECK(report->step_count == 2 && report->steps[0].taken == 1 && report->conflict_count == 0 && report->change_count > 0);
    cms_migration_free(report);
    check_value(store, "blog.home.colour", "dark");
    CHECK(cms_schema_migrate(registry, "1.1.0", CMS_STRICT, &report) == CMS_OK);
    CHECK_TEXT(report->from, "0.0.0");
    CHECK(report->revision > 0 && report->more_conflicts == 0);
    cms_migration_free(report);
    check_value(store, "blog.home.theme", "dark");
    CHECK(cms_schema_ask(registry, &state) == CMS_OK && state.is_stamped && state.pending == 1 && state.data_minor == 1);
    CHECK(cms_schema_rollback(registry, NULL, 0, NULL) == CMS_OK);
    check_value(store, "blog.home.colour", "dark");

    CHECK(cms_schema_migrate(registry, "later", 0, NULL) == CMS_E_INVALID);
    CHECK(cms_schema_migrate(registry, "2.0.0", 0, NULL) == CMS_E_INVALID);
    CHECK(cms_schema_migrate(registry, NULL, 64, NULL) == CMS_E_INVALID);
    CHECK(cms_schema_migrate(NULL, NULL, 0, NULL) == CMS_E_INVALID);

    /* The data of a newer schema is left alone. */
    CHECK(cms_schema_migrate(registry, NULL, 0, NULL) == CMS_OK);
    write_file(getenv("CMS_MODULES"), "blog", "config module 'blog'\n\toption version '1.0.0'\n");
    CHECK(cms_schema_load(registry) == CMS_OK && registry->current_minor == 0);
    CHECK(cms_schema_find(registry, 1, 2, 0) == NULL);
    CHECK(cms_schema_migrate(registry, NULL, 0, NULL) == CMS_E_NEWER);
    cms_schema_free(registry);
    cms_schema_free(NULL);
}

int main(void)
{
    write_file(getenv("CMS_TEST_CONFIG"), "blog", "config site 'home'\n\toption colour 'dark'\n\toption title 'Home'\n\toption open 'on'\n");
    write_file(getenv("CMS_MODULES"), "blog",
               "config module 'blog'\n\toption version '1.2.0'\n\tlist package 'blog'\n\n"
               "config migration\n\toption to '1.1.0'\n\toption description 'themes'\n\toption created_at '2026-11-01'\n"
               "\tlist step 'rename site.colour theme'\n\n"
               "config migration\n\toption to '1.2.0'\n\tlist sql 'create table visits \"day text\" \"count int\"'\n"
               "\tlist rollback_sql 'drop table visits'\n\n"
               "config fields 'site'\n\toption theme 'in:light,dark'\n\toption title 'string'\n\toption open 'bool'\n"
               "\toption port 'port|default:80'\n\toption cache 'size|default:64M'\n\toption timeout 'duration|default:1m30s'\n");
    write_file(getenv("CMS_MODULES"), "broken", "config module 'broken'\n\toption version 'new'\n");
    cms_store *store = cms_open(getenv("CMS_TEST_CONFIG"));
    CHECK(store != NULL);
    defaults(store);
    versions(store);
    cms_close(store);
    return 0;
}
