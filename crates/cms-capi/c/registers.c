/* What managers and registries show in uthash's tables. Who calls holds the lock that the header names. */

#include "memory.h"

/* ---------------------------------------------------------------- active transactions */

/* Adds a transaction, which stays its owner's; answers 0 if there is no memory. */
int cms_active_add(struct Transaction **head, struct Transaction *transaction)
{
    is_out_of_memory = 0;
    HASH_ADD(hh, *head, id, sizeof transaction->id, transaction);
    return !is_out_of_memory;
}

/* Takes all of them out. */
void cms_active_clear(struct Transaction **head)
{
    HASH_CLEAR(hh, *head);
}

/* -------------------------------------------------------------- topics and subscribers */

static void free_subscriber(struct EventSubscriber *subscriber)
{
    if (subscriber != NULL)
        free(subscriber->subscriber_id);
    free(subscriber);
}

static void free_topic(struct EventTopic *topic)
{
    if (topic == NULL)
        return;
    pthread_mutex_destroy(&topic->lock);
    free(topic->topic_name);
    free(topic);
}

/* The topic of a name, made if it is missing; a null if there is no memory. */
static struct EventTopic *topic_of(struct EventTopic **topics, const char *name)
{
    struct EventTopic *topic = NULL;
    HASH_FIND_STR(*topics, name, topic);
    if (topic != NULL)
        return topic;
    topic = calloc(1, sizeof *topic);
    if (topic == NULL)
        return NULL;
    pthread_mutex_init(&topic->lock, NULL);
    topic->topic_name = copy(name, strlen(name));
    is_out_of_memory = topic->topic_name == NULL;
    if (!is_out_of_memory)
        HASH_ADD_KEYPTR(hh, *topics, topic->topic_name, strlen(topic->topic_name), topic);
    if (is_out_of_memory) {
        free_topic(topic);
        return NULL;
    }
    return topic;
}

/* Takes a topic away that nobody has subscribed to. */
static void forget_if_empty(struct EventTopic **topics, struct EventTopic *topic)
{
    if (topic->subscribers == NULL) {
        HASH_DEL(*topics, topic);
        free_topic(topic);
    }
}

/* Adds a subscriber; answers 0 if there is no memory. */
int cms_topics_add(struct EventTopic **topics, const char *id, const char *name, EventCallback callback, void *context)
{
    struct EventTopic *topic = topic_of(topics, name);
    struct EventSubscriber *subscriber = calloc(1, sizeof *subscriber);
    if (topic == NULL || subscriber == NULL) {
        free(subscriber);
        if (topic != NULL)
            forget_if_empty(topics, topic);
        return 0;
    }
    subscriber->callback = callback;
    subscriber->context = context;
    subscriber->subscriber_id = copy(id, strlen(id));
    is_out_of_memory = subscriber->subscriber_id == NULL;
    if (!is_out_of_memory) {
        pthread_mutex_lock(&topic->lock);
        HASH_ADD_KEYPTR(hh, topic->subscribers, subscriber->subscriber_id, strlen(subscriber->subscriber_id), subscriber);
        pthread_mutex_unlock(&topic->lock);
    }
    if (is_out_of_memory) {
        free_subscriber(subscriber);
        forget_if_empty(topics, topic);
        return 0;
    }
    return 1;
}

/* Takes a subscriber away; answers whether there was one. */
int cms_topics_remove(struct EventTopic **topics, const char *id)
{
    struct EventTopic *topic, *next;
    HASH_ITER(hh, *topics, topic, next) {
        struct EventSubscriber *subscriber = NULL;
        HASH_FIND_STR(topic->subscribers, id, subscriber);
        if (subscriber != NULL) {
            pthread_mutex_lock(&topic->lock);
            HASH_DEL(topic->subscribers, subscriber);
            pthread_mutex_unlock(&topic->lock);
            free_subscriber(subscriber);
            forget_if_empty(topics, topic);
            return 1;
        }
    }
    return 0;
}

void cms_topics_free(struct EventTopic **topics)
{
    struct EventTopic *topic, *next;
    HASH_ITER(hh, *topics, topic, next) {
        struct EventSubscriber *subscriber, *following;
        HASH_ITER(hh, topic->subscribers, subscriber, following) {
            HASH_DEL(topic->subscribers, subscriber);
            free_subscriber(subscriber);
        }
        HASH_DEL(*topics, topic);
        free_topic(topic);
    }
}

/* ------------------------------------------------------------------ versions of a schema */

static void free_version(struct SchemaVersion *version)
{
    free(version->description);
    free(version->migration.sql);
    free(version->migration.rollback);
    free(version);
}

static char *copy_optional(const char *text)
{
    if (text == NULL)
        return NULL;
    char *made = copy(text, strlen(text));
    if (made == NULL)
        is_out_of_memory = 1;
    return made;
}

/* Adds a version; answers 0 if there is no memory. */
int cms_versions_add(struct SchemaVersion **head, const uint32_t numbers[3], const char *description, time_t created_at, const char *sql,
                     const char *rollback)
{
    struct SchemaVersion *version = calloc(1, sizeof *version);
    if (version == NULL)
        return 0;
    is_out_of_memory = 0;
    version->major = numbers[0];
    version->minor = numbers[1];
    version->patch = numbers[2];
    version->created_at = created_at;
    version->description = copy_optional(description);
    version->migration.sql = copy_optional(sql);
    version->migration.rollback = copy_optional(rollback);
    if (!is_out_of_memory)
        HASH_ADD(hh, *head, major, CMS_SCHEMA_KEY, version);
    if (is_out_of_memory) {
        free_version(version);
        return 0;
    }
    return 1;
}

struct SchemaVersion *cms_versions_find(struct SchemaVersion *head, const uint32_t numbers[3])
{
    struct SchemaVersion *found = NULL;
    HASH_FIND(hh, head, numbers, CMS_SCHEMA_KEY, found);
    return found;
}

void cms_versions_free(struct SchemaVersion *head)
{
    struct SchemaVersion *version, *next;
    HASH_ITER(hh, head, version, next) {
        HASH_DEL(head, version);
        free_version(version);
    }
}
