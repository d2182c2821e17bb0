/* What is on the disk. Each file keeps a copy of its content as of its last fsync or fdatasync, each directory its
 * names as of its last fsync. What happened to names since then is a list of changes. */
#include "disk.h"

char directory[PATH_MAX]; /* empty until all is set up: until then nothing is watched */
struct change *changes;
struct node *nodes;

void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) refuse("no memory");
    return memory;
}

struct node *node_of(ino_t inode) {
    struct node *node = nodes;
    while (node != NULL && node->inode != inode) node = node->next;
    return node;
}

struct node *node_of_fd(int fd) {
    struct stat about;
    if (directory[0] == 0 || fstat(fd, &about) != 0) return NULL;
    return node_of(about.st_ino);
}

struct node *node_at(int at, const char *path) {
    struct stat about;
    return fstatat(at, path, &about, AT_SYMLINK_NOFOLLOW) == 0 ? node_of(about.st_ino) : NULL;
}

struct node *new_node(ino_t inode, bool is_directory) {
    struct node *old = node_of(inode), *node = allocate(sizeof *node);
    if (old != NULL) old->inode = 0;
    *node = (struct node){.inode = inode, .is_directory = is_directory, .dirty_from = NEVER, .next = nodes};
    return nodes = node;
}

bool locate(int at, const char *path, struct place *place) {
    char parent[PATH_MAX];
    struct stat about;
    if (directory[0] == 0 || path == NULL || strlen(path) >= sizeof parent) return false;
    strcpy(parent, path);
    size_t length = strlen(parent);
    while (length > 1 && parent[length - 1] == '/') parent[--length] = 0;
    char *slash = strrchr(parent, '/');
    const char *name = slash == NULL ? parent : slash + 1;
    if (strlen(name) > NAME_MAX) return false;
    strcpy(place->name, name);
    if (slash == NULL) strcpy(parent, ".");
    else slash[slash == parent ? 1 : 0] = 0;
    if (fstatat(at, parent, &about, 0) != 0 || !S_ISDIR(about.st_mode)) return false;
    place->directory = node_of(about.st_ino);
    return place->directory != NULL;
}

void note_change(const struct place *left, const struct place *came, struct node *node) {
    struct change *change = allocate(sizeof *change), **end = &changes;
    if (left != NULL) change->left = *left;
    if (came != NULL) change->came = *came;
    change->node = node;
    while (*end != NULL) end = &(*end)->next;
    *end = change;
}

void note_write(struct node *node, size_t from, size_t to) {
    if (from < node->dirty_from) node->dirty_from = from;
    if (to > node->length) node->length = to;
}

void note_truncation(struct node *node, size_t length) {
    size_t from = length < node->length ? length : node->length;
    note_write(node, from, from);
    node->length = length;
}

static struct entry **entry_at(const struct place *place) {
    struct entry **entry = &place->directory->entries;
    while (*entry != NULL && strcmp((*entry)->name, place->name) != 0) entry = &(*entry)->next;
    return entry;
}

void apply(const struct change *change) {
    if (change->left.directory != NULL) {
        struct entry **entry = entry_at(&change->left);
        if (*entry == NULL) return; /* it never came there */
        *entry = (*entry)->next;
    }
    if (change->came.directory != NULL) {
        struct entry **entry = entry_at(&change->came);
        if (*entry == NULL) {
            *entry = allocate(sizeof **entry);
            strcpy((*entry)->name, change->came.name);
        }
        (*entry)->node = change->node;
    }
}

void sync_node(struct node *node, int fd) {
    char path[64];
    struct stat about;
    if (node->is_directory) {
        for (struct change **change = &changes; *change != NULL;) {
            bool is_here = (*change)->left.directory == node || (*change)->came.directory == node;
            if (is_here) apply(*change);
            if (is_here) *change = (*change)->next;
            else change = &(*change)->next;
        }
        return;
    }
    if (fstat(fd, &about) != 0 || (size_t)about.st_size != node->length)
        refuse("the length of %s has changed unseen", path_of(fd));
    if (node->dirty_from == NEVER) return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* `fd` itself may be for writing only */
    read_from(path, node->dirty_from, &node->synced, &node->synced_length);
    node->dirty_from = NEVER;
}

const char *path_of(int fd) {
    static char path[PATH_MAX]; /* used while the lock is held */
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

void read_from(const char *path, size_t from, char **content, size_t *length) {
    struct stat about;
    int fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) != 0) refuse("%s cannot be read", path);
    size_t size = (size_t)about.st_size;
    *content = realloc(*content, size + 1);
    if (*content == NULL) refuse("no memory");
    /* What a failed sync has dropped is not there: zeros. */
    if (from > *length) memset(*content + *length, 0, (from < size ? from : size) - *length);
    for (size_t at = from; at < size;) {
        ssize_t got = pread(fd, *content + at, size - at, (off_t)at);
        if (got <= 0) refuse("%s cannot be read", path);
        at += (size_t)got;
    }
    *length = size;
    close(fd);
}

void each(const char *path, visitor *visit, void *with) {
    char child[PATH_MAX];
    struct stat about;
    DIR *names = opendir(path);
    if (names == NULL) refuse("%s cannot be listed", path);
    for (struct dirent *name; (name = readdir(names)) != NULL;) {
        if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0) continue;
        if (snprintf(child, sizeof child, "%s/%s", path, name->d_name) >= (int)sizeof child)
            refuse("the path of %s is too long", name->d_name);
        if (lstat(child, &about) == 0) visit(child, name->d_name, &about, with);
    }
    closedir(names);
}

static void adopt_child(const char *path, const char *name, const struct stat *about, void *with) {
    struct node *node = new_node(about->st_ino, S_ISDIR(about->st_mode));
    struct change change = {.came = {.directory = with}, .node = node};
    strcpy(change.came.name, name);
    apply(&change);
    if (node->is_directory) return each(path, adopt_child, node);
    read_from(path, 0, &node->synced, &node->synced_length);
    node->length = node->synced_length;
}

void adopt(void) {
    struct stat about;
    if (stat(directory, &about) != 0) refuse("%s is not there", directory);
    each(directory, adopt_child, new_node(about.st_ino, true));
}
