/* A power cut: the directory is removed and built again from what is on the disk. The process never sees it, since the
 * lock is held and it ends. A file with two names becomes two files. */
#include "disk.h"

static void erase(const char *path, const char *name, const struct stat *about, void *with) {
    (void)name;
    if (S_ISDIR(about->st_mode)) each(path, erase, with);
    REAL(unlinkat)(AT_FDCWD, path, S_ISDIR(about->st_mode) ? AT_REMOVEDIR : 0);
}

static void build(const struct node *from, const char *path) {
    char child[PATH_MAX];
    for (const struct entry *entry = from->entries; entry != NULL; entry = entry->next) {
        const struct node *node = entry->node;
        if (snprintf(child, sizeof child, "%s/%s", path, entry->name) >= (int)sizeof child)
            refuse("the path of %s is too long", entry->name);
        if (node->is_directory) {
            REAL(mkdir)(child, 0755);
            build(node, child);
            continue;
        }
        int fd = REAL(open)(child, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
        for (size_t at = 0; at < node->synced_length;) {
            ssize_t done = REAL(write)(fd, node->synced + at, node->synced_length - at);
            if (done <= 0) refuse("%s cannot be written", child);
            at += (size_t)done;
        }
        close(fd);
    }
}

void cut_power(void) {
    each(directory, erase, NULL);
    build(node_at(AT_FDCWD, directory), directory);
}

static uint64_t chance_state;

/* A number below `bound`; splitmix64. */
static uint64_t chance(uint64_t bound) {
    uint64_t z = chance_state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
}

/* Which of several unsynced things in a row remain. A disk may write in any order, so that any of them can; but the
 * likely ends are all, none, and those before some moment. */
struct remains {
    enum { NONE, ALL, FIRST, ANY } kind;
    size_t first;
};

static struct remains remains_of(size_t count) {
    return (struct remains){.kind = chance(4), .first = chance(count + 1)};
}

static bool remains(struct remains which, size_t number) {
    switch (which.kind) {
        case NONE: return false;
        case ALL: return true;
        case FIRST: return number < which.first;
        default: return chance(2) == 1;
    }
}

/* Puts some of a file's unsynced sectors on the disk. Before one that lies beyond the file's end there are zeros. */
static void keep_sectors(const char *path, const char *name, const struct stat *about, void *with) {
    (void)name;
    if (S_ISDIR(about->st_mode)) return each(path, keep_sectors, with);
    struct node *node = node_of(about->st_ino);
    if (node == NULL || node->dirty_from == NEVER) return;
    char *content = NULL;
    size_t length = 0, kept_length = node->synced_length;
    read_from(path, 0, &content, &length);
    size_t room = length > kept_length ? length : kept_length;
    size_t first = node->dirty_from / SECTOR, end = (length + SECTOR - 1) / SECTOR;
    struct remains which = remains_of(end > first ? end - first : 0);
    char *kept = allocate(room + 1);
    if (kept_length > 0) memcpy(kept, node->synced, kept_length);
    for (size_t sector = first; sector < end; sector++) {
        if (!remains(which, sector - first)) continue;
        size_t from = sector * SECTOR, to = from + SECTOR < length ? from + SECTOR : length;
        memcpy(kept + from, content + from, to - from);
        if (to > kept_length) kept_length = to;
    }
    bool is_shorter = length < node->synced_length;
    if (is_shorter && chance(2) == 1) kept_length = length;
    node->synced = kept;
    node->synced_length = kept_length;
    free(content);
}

void cut_power_with_remains(uint64_t seed) {
    size_t count = 0, number = 0;
    chance_state = seed;
    for (struct change *change = changes; change != NULL; change = change->next) count++;
    struct remains which = remains_of(count);
    for (struct change *change = changes; change != NULL; change = change->next) {
        if (remains(which, number++)) apply(change);
    }
    each(directory, keep_sectors, NULL);
    cut_power();
}
