/* The functions that are stood in front of. Each finds out whether it changes what is watched, asks whether to, does
 * it, and notes it. Nothing is synced to the real disk: the machine goes on, and only the process ends. */
#include "disk.h"

#pragma GCC visibility push(default)

static bool is_watched(int fd) {
    LOCKED;
    return node_of_fd(fd) != NULL;
}

/* ---- Files ----------------------------------------------------------------------------------------------------- */

static int open_at(int at, const char *path, int flags, mode_t mode) {
    struct place place;
    struct stat about;
    LOCKED;
    if (!(flags & (O_CREAT | O_TRUNC)) || !locate(at, path, &place)) return REAL(openat)(at, path, flags, mode);
    if ((flags & O_TMPFILE) == O_TMPFILE) refuse("a file without a name");
    bool is_new = fstatat(at, path, &about, 0) != 0;
    bool is_changed = is_new ? (flags & O_CREAT) != 0 : (flags & O_TRUNC) != 0 && about.st_size > 0;
    if (is_changed && point(CHANGE, is_new ? "create" : "truncate", path) != DONE) return -1;
    int fd = REAL(openat)(at, path, flags, mode);
    if (fd < 0 || !is_changed) return fd;
    if (!is_new) return note_truncation(node_of_fd(fd), 0), fd;
    if (fstat(fd, &about) != 0) refuse("%s is not to be seen", path);
    note_change(NULL, &place, new_node(about.st_ino, false));
    return fd;
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_at(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) __attribute__((alias("openat")));

int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) __attribute__((alias("creat")));

FILE *fopen(const char *path, const char *mode) {
    struct place place;
    LOCKED;
    if (strpbrk(mode, "wa+") != NULL && locate(AT_FDCWD, path, &place)) refuse("the stream to %s", path);
    return REAL(fopen)(path, mode);
}
FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

/* Not through `real`: the loader itself maps memory while it looks a name up. */
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    bool is_shared = (protection & PROT_WRITE) && (flags & MAP_TYPE) != MAP_PRIVATE && fd >= 0;
    if (is_shared && is_watched(fd)) refuse("the mapping of %s", path_of(fd));
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));

/* ---- Content --------------------------------------------------------------------------------------------------- */

static const off_t WHERE_IT_STANDS = -1;

static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t offset) {
    /* Others may block, as pipes do, and must not hold the lock then. */
    if (!is_watched(fd)) {
        if (offset == WHERE_IT_STANDS) return REAL(writev)(fd, parts, count);
        return REAL(pwritev)(fd, parts, count, offset);
    }
    LOCKED;
    size_t length = 0;
    for (int part = 0; part < count; part++) length += parts[part].iov_len;
    enum verdict verdict = point(WRITE, "write", path_of(fd));
    size_t allowed = verdict == HALVED || verdict == TORN ? length / 2 : length;
    if (verdict == HALVED && allowed == 0) return errno = ENOSPC, -1;
    if (verdict == FAILED) return -1;
    char *bytes = allocate(length + 1), *end = bytes;
    for (int part = 0; part < count; part++) end = mempcpy(end, parts[part].iov_base, parts[part].iov_len);
    ssize_t done = offset == WHERE_IT_STANDS ? REAL(write)(fd, bytes, allowed)
                                             : REAL(pwrite)(fd, bytes, allowed, offset);
    free(bytes);
    if (verdict == TORN) die();
    if (done <= 0) return done;
    off_t from = offset == WHERE_IT_STANDS ? lseek(fd, 0, SEEK_CUR) - done : offset;
    note_write(node_of_fd(fd), (size_t)from, (size_t)(from + done));
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    struct iovec part = {(void *)bytes, length};
    return write_parts(fd, &part, 1, WHERE_IT_STANDS);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return write_parts(fd, parts, count, WHERE_IT_STANDS);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    struct iovec part = {(void *)bytes, length};
    return write_parts(fd, &part, 1, offset);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) __attribute__((alias("pwrite")));

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return write_parts(fd, parts, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) __attribute__((alias("pwritev")));

int ftruncate(int fd, off_t length) {
    LOCKED;
    struct node *node = node_of_fd(fd);
    if (node == NULL) return REAL(ftruncate)(fd, length);
    if (point(CHANGE, "truncate", path_of(fd)) != DONE) return -1;
    int result = REAL(ftruncate)(fd, length);
    if (result == 0) note_truncation(node, (size_t)length);
    return result;
}
int ftruncate64(int fd, off_t length) __attribute__((alias("ftruncate")));

int fallocate(int fd, int mode, off_t offset, off_t length) {
    LOCKED;
    struct node *node = node_of_fd(fd);
    if (node != NULL && point(CHANGE, "allocate", path_of(fd)) != DONE) return -1;
    /* Room beyond the end is not to be seen, and a disk in memory would fill it with zeros, which takes most of the
     * time that opening a store does. */
    if (mode == FALLOC_FL_KEEP_SIZE) return 0;
    if (node == NULL) return REAL(fallocate)(fd, mode, offset, length);
    int result = REAL(fallocate)(fd, mode, offset, length);
    size_t end = (mode & FALLOC_FL_KEEP_SIZE) ? 0 : (size_t)(offset + length);
    if (result == 0) note_write(node, (size_t)offset, end);
    return result;
}
int fallocate64(int fd, int mode, off_t offset, off_t length) __attribute__((alias("fallocate")));

int posix_fallocate(int fd, off_t offset, off_t length) {
    int kept = errno, error = fallocate(fd, 0, offset, length) == 0 ? 0 : errno;
    errno = kept;
    return error;
}
int posix_fallocate64(int fd, off_t offset, off_t length) __attribute__((alias("posix_fallocate")));

/* Copies within the kernel are said to be unknown: who asks then writes. */
ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t length, unsigned flags) {
    if (is_watched(to)) return errno = ENOSYS, -1;
    return REAL(copy_file_range)(from, from_offset, to, to_offset, length, flags);
}

ssize_t sendfile(int to, int from, off_t *offset, size_t length) {
    if (is_watched(to)) return errno = ENOSYS, -1;
    return REAL(sendfile)(to, from, offset, length);
}
ssize_t sendfile64(int to, int from, off_t *offset, size_t length) __attribute__((alias("sendfile")));

/* ---- Syncs ----------------------------------------------------------------------------------------------------- */

static int sync_fd(int fd, const char *operation, int (*otherwise)(int)) {
    LOCKED;
    struct node *node = node_of_fd(fd);
    if (node == NULL) return otherwise(fd);
    if (point(SYNC, operation, path_of(fd)) != DONE) {
        /* The system marks what it could not write as clean: a later sync says that all is well, and writes nothing
         * of it. */
        node->dirty_from = NEVER;
        return -1;
    }
    sync_node(node, fd);
    return 0;
}

int fsync(int fd) { return sync_fd(fd, "fsync", REAL(fsync)); }
int fdatasync(int fd) { return sync_fd(fd, "fdatasync", REAL(fdatasync)); }

/* Begins to write, and promises nothing: a hint. */
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
    LOCKED;
    if (node_of_fd(fd) == NULL) return REAL(sync_file_range)(fd, offset, length, flags);
    return point(HINT, "sync_file_range", path_of(fd)) == DONE ? 0 : -1;
}

/* ---- Names ----------------------------------------------------------------------------------------------------- */

int renameat2(int at, const char *path, int to_at, const char *to_path, unsigned flags) {
    struct place left, came;
    LOCKED;
    bool is_left = locate(at, path, &left), is_came = locate(to_at, to_path, &came);
    struct node *node = node_at(at, path);
    if (!is_left && !is_came) return REAL(renameat2)(at, path, to_at, to_path, flags);
    if (!is_left || !is_came || (flags & RENAME_EXCHANGE)) refuse("the renaming of %s to %s", path, to_path);
    if (node != NULL && point(CHANGE, "rename", to_path) != DONE) return -1;
    int result = REAL(renameat2)(at, path, to_at, to_path, flags);
    if (result == 0) note_change(&left, &came, node);
    return result;
}

int renameat(int at, const char *path, int to_at, const char *to_path) {
    return renameat2(at, path, to_at, to_path, 0);
}

int rename(const char *path, const char *to_path) { return renameat2(AT_FDCWD, path, AT_FDCWD, to_path, 0); }

int linkat(int at, const char *path, int to_at, const char *to_path, int flags) {
    struct place came;
    LOCKED;
    struct node *node = node_at(at, path);
    if (!locate(to_at, to_path, &came)) return REAL(linkat)(at, path, to_at, to_path, flags);
    if (node == NULL) refuse("the link from %s", path);
    if (point(CHANGE, "link", to_path) != DONE) return -1;
    int result = REAL(linkat)(at, path, to_at, to_path, flags);
    if (result == 0) note_change(NULL, &came, node);
    return result;
}

int link(const char *path, const char *to_path) { return linkat(AT_FDCWD, path, AT_FDCWD, to_path, 0); }

int symlinkat(const char *target, int at, const char *path) {
    struct place place;
    LOCKED;
    if (locate(at, path, &place)) refuse("the symbolic link %s", path);
    return REAL(symlinkat)(target, at, path);
}

int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

int mkdirat(int at, const char *path, mode_t mode) {
    struct place place;
    struct stat about;
    LOCKED;
    if (!locate(at, path, &place) || fstatat(at, path, &about, 0) == 0) return REAL(mkdirat)(at, path, mode);
    if (point(CHANGE, "mkdir", path) != DONE) return -1;
    int result = REAL(mkdirat)(at, path, mode);
    if (result == 0 && fstatat(at, path, &about, 0) == 0) note_change(NULL, &place, new_node(about.st_ino, true));
    return result;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int unlinkat(int at, const char *path, int flags) {
    struct place place;
    LOCKED;
    if (strncmp(path, STEPS, strlen(STEPS)) == 0) point(STEP, "step", path + strlen(STEPS));
    struct node *node = node_at(at, path);
    if (node == NULL || !locate(at, path, &place)) return REAL(unlinkat)(at, path, flags);
    if (point(REMOVE, "remove", path) != DONE) return -1;
    int result = REAL(unlinkat)(at, path, flags);
    if (result == 0) note_change(&place, NULL, node);
    return result;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

/* ---- The end --------------------------------------------------------------------------------------------------- */

void abort(void) {
    finish();
    REAL(abort)();
    die();
}
