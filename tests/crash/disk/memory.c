/* The model outlives a process that is killed: the system keeps what was not synced, until the power fails. Files are
 * known by their numbers, which stay. Writing and reading are one code, which passes each value to or from a file. */
#include "disk.h"

static FILE *file;
static bool is_reading;

static void pass(void *bytes, size_t size) {
    size_t done = is_reading ? fread(bytes, 1, size, file) : fwrite(bytes, 1, size, file);
    if (done != size) refuse("the memory is incomplete");
}

/* A node by its place in the list, from 1 on; 0 is none. */
static void pass_node(struct node **node) {
    size_t place = 0;
    struct node *at = nodes;
    if (!is_reading && *node != NULL) {
        for (place = 1; at != *node; at = at->next) place++;
    }
    pass(&place, sizeof place);
    if (!is_reading) return;
    for (size_t left = place; left > 1; left--) at = at->next;
    *node = place == 0 ? NULL : at;
}

/* Passes whether a list goes on. */
static bool pass_more(bool is_more) {
    pass(&is_more, sizeof is_more);
    return is_more;
}

static void pass_model(void) {
    /* All nodes first, so that they have places. */
    for (struct node **node = &nodes; pass_more(*node != NULL); node = &(*node)->next) {
        if (is_reading) *node = allocate(sizeof **node);
        struct node copy = **node;
        pass(&copy, sizeof copy);
        if (!is_reading) continue;
        copy.synced = allocate(copy.synced_length + 1);
        copy.entries = NULL;
        copy.next = NULL;
        **node = copy;
    }
    for (struct node *node = nodes; node != NULL; node = node->next) {
        pass(node->synced, node->synced_length);
        for (struct entry **entry = &node->entries; pass_more(*entry != NULL); entry = &(*entry)->next) {
            if (is_reading) *entry = allocate(sizeof **entry);
            pass((*entry)->name, sizeof (*entry)->name);
            pass_node(&(*entry)->node);
        }
    }
    for (struct change **change = &changes; pass_more(*change != NULL); change = &(*change)->next) {
        if (is_reading) *change = allocate(sizeof **change);
        struct place *places[] = {&(*change)->left, &(*change)->came};
        for (int place = 0; place < 2; place++) {
            pass(places[place]->name, sizeof places[place]->name);
            pass_node(&places[place]->directory);
        }
        pass_node(&(*change)->node);
    }
}

void memorize(const char *path) {
    if (path[0] == 0) return;
    is_reading = false;
    file = REAL(fopen)(path, "we");
    if (file == NULL) refuse("%s cannot be written", path);
    pass_model();
    fclose(file);
}

bool recall(const char *path) {
    file = path[0] == 0 ? NULL : REAL(fopen)(path, "re");
    if (file == NULL) return false;
    is_reading = true;
    pass_model();
    fclose(file);
    return true;
}
