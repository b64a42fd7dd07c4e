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

    uci_context *context = uci_alloc_context();
    uci_ptr pointer{};
    CHECK(uci_lookup_ptr(context, &pointer, nullptr, false) == UCI_ERR_INVAL);
    uci_free_context(context);
    return 0;
}
