/* A child reads from the store that its parent opened, sees what the parent writes later, and both write. */

#include <cms/cms.h>

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

int main(void)
{
    struct ConfigStore *store = config_store_init("fork", 1 << 20);
    CHECK(store != NULL);
    CHECK(config_set_string(store, "before", "parent") == CMS_OK);
    char *before = config_get_string(store, "before", NULL);
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char byte;
        CHECK_TEXT(before, "parent");
        CHECK(read(pipes[0], &byte, 1) == 1);
        CHECK_TEXT(config_get_string(store, "after", NULL), "written later");
        struct ConfigStore *mine = config_store_init("fork", 1 << 20);
        CHECK(mine != NULL);
        for (int i = 0; i < 1000; i++)
            CHECK(config_add_int(mine, "count", 1, NULL) == CMS_OK);
        config_store_close(mine);
        _exit(0);
    }
    CHECK(config_set_string(store, "after", "written later") == CMS_OK);
    CHECK(write(pipes[1], "x", 1) == 1);
    for (int i = 0; i < 1000; i++)
        CHECK(config_add_int(store, "count", 1, NULL) == CMS_OK);
    int ended;
    CHECK(waitpid(child, &ended, 0) == child);
    CHECK(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    CHECK(config_get_int(store, "count", 0) == 2000);
    config_store_close(store);
    return 0;
}
