// The header in C++: literals, designated initializers, typed walks.

#include <cms/cms.h>
#include <uci.h>

#include "check.h"

int main()
{
    ConfigStore *store = config_store_init("cplusplus", 1 << 20);
    CHECK(store != nullptr);
    CHECK(config_array_create(store, "ports", TYPE_INT, sizeof(int)) != nullptr);
    const int ports[] = {80, 443};
    CHECK(config_array_push(store, "ports", ports, 2) == CMS_OK);
    int sum = 0;
    for (int *port = nullptr; (port = config_array_next(store, "ports", port)) != nullptr;)
        sum += *port;
    CHECK(sum == 523);
    const Column columns[] = {{"id", TYPE_INT, 8}, {"ratio", TYPE_FLOAT, 8}};
    CHECK(config_table_create(store, "users", columns, 2) != nullptr);
    const KeyValue row[] = {{"id", {.int_value = 1}}, {"ratio", {.float_value = 0.5}}};
    CHECK(config_table_insert(store, "users", row, 2) == CMS_OK);
    CHECK(config_row_get(config_table_find(store, "users", "id", 1), "ratio")->value.float_value == 0.5);
    config_store_close(store);

    cms_store *configuration = cms_open(getenv("CMS_TEST_CONFIG"));
    TransactionManager *manager = cms_transactions_new(configuration);
    CHECK(manager != nullptr && manager->auto_commit);
    const auto make = [](Transaction *transaction, void *name) -> int {
        return cms_create_package(transaction, static_cast<const char *>(name));
    };
    char name[] = "cplusplus";
    uint64_t revision = 0;
    CHECK(cms_transactions_change(manager, make, name, &revision) == CMS_OK && revision > 0);
    EventManager *events = cms_events_new(configuration, 0);
    CHECK(cms_events_subscribe(events, "a", "cplusplus.**", CMS_NOW, [](void *, void *) {}, nullptr) == CMS_OK);
    EventTopic *topic, *next;
    HASH_ITER(hh, events->topics, topic, next)
        CHECK_TEXT(topic->topic_name, "cplusplus.**");
    CHECK(cms_schema_open(configuration, "none") == nullptr && cms_last_status() == CMS_E_NOT_FOUND);
    cms_events_free(events);
    cms_transactions_free(manager);
    cms_close(configuration);

    uci_context *context = uci_alloc_context();
    uci_ptr pointer{};
    CHECK(uci_lookup_ptr(context, &pointer, nullptr, false) == UCI_ERR_INVAL);
    uci_free_context(context);
    return 0;
}
