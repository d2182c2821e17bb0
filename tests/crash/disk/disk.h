/* A disk that fails on purpose. Preloaded into a process, it stands between it and the system for everything that
 * changes one directory. Such changes, and the syncs of them, are points, numbered from the start of the process; at
 * one of them it does what it was told. The environment says:
 *
 *   DISK_DIRECTORY  what is watched; without it nothing is, and only room that is asked for ahead is not taken
 *   DISK_COUNTS     which points have numbers: words of "change remove write sync hint step end"
 *   DISK_POINT      the number at which something happens; 0: never
 *   DISK_EFFECT     kill        the process ends before the operation; what was done before it stays
 *                   torn        the first half of a write is done, then the process ends
 *                   lost        the power fails: what was not synced is gone, names of files included
 *                   lost-some   the power fails: of what was not synced, DISK_SEED decides sector by sector and
 *                               name by name what is there
 *                   broken      the operation fails with EIO, once
 *                   full        half of a write is done; from then on all that has a number fails with ENOSPC
 *   DISK_MEMORY     a file elsewhere. A process that is killed leaves there what was synced and what was not; the next
 *                   one goes on with it. Without it, all that stands in the directory at the start is on the disk
 *   DISK_TRACE      when set, each numbered point is printed
 *
 * Whoever unlinks a name below STEPS changes nothing: so the process names a step of its own, which is a point too.
 *
 * On standard error stand `disk: point write: write db/000004.log` in a trace, the kind first, `disk: struck 7: …`
 * where something happened, and `disk: end 842`, the number of points, when the process ends by itself.
 *
 * Reading order: model.c, what is on the disk; cut.c, a power cut; memory.c, from one process to the next; points.c,
 * when something happens; calls.c, the functions of the C library that are stood in front of.
 *
 * What is not seen: system calls made without the C library. A file whose length is not as it should be ends the
 * process, as does every known way around: shared mappings, streams, renames across the border. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define STEPS "/quorate/step/"
#define SECTOR 512
#define NEVER SIZE_MAX

/* The function of the C library that this one stands in front of. */
#define REAL(name) ((__typeof__(&name))real(#name))
void *real(const char *name);

/* Ends the process: what it does, this disk does not model. */
__attribute__((noreturn, format(printf, 1, 2))) void refuse(const char *format, ...);

/* ---- model.c --------------------------------------------------------------------------------------------------- */

/* A file or a directory. */
struct node {
    ino_t inode; /* 0 when another file has got the number */
    bool is_directory;
    struct entry *entries; /* a directory's names on the disk */
    char *synced;          /* a file's content on the disk */
    size_t synced_length;
    size_t dirty_from; /* the first byte that may differ from it, or NEVER */
    size_t length;     /* as the process has made it */
    struct node *next;
};

struct entry {
    char name[NAME_MAX + 1];
    struct node *node;
    struct entry *next;
};

/* A name in a directory. */
struct place {
    struct node *directory; /* NULL: none */
    char name[NAME_MAX + 1];
};

/* A change of names that is not on the disk yet: `node` left one place, came to another, or both. */
struct change {
    struct place left, came;
    struct node *node;
    struct change *next;
};

extern char directory[PATH_MAX];
extern struct node *nodes;
extern struct change *changes; /* in their order */

/* Takes all that stands in the directory for what is on the disk. */
void adopt(void);
struct node *node_of(ino_t inode);
struct node *node_of_fd(int fd);
/* What stands at a path now. */
struct node *node_at(int at, const char *path);
struct node *new_node(ino_t inode, bool is_directory);
/* Finds the place that a path means; false when it is not watched. */
bool locate(int at, const char *path, struct place *place);
void note_change(const struct place *left, const struct place *came, struct node *node);
void note_write(struct node *node, size_t from, size_t to);
void note_truncation(struct node *node, size_t length);
void apply(const struct change *change);
/* Puts a file's content, or a directory's names, on the disk. */
void sync_node(struct node *node, int fd);
/* The path of an open file. */
const char *path_of(int fd);
/* Reads a file from `from` on into `content`, which becomes as long as the file. */
void read_from(const char *path, size_t from, char **content, size_t *length);
typedef void visitor(const char *path, const char *name, const struct stat *about, void *with);
/* Visits what stands in a directory. */
void each(const char *path, visitor *visit, void *with);
void *allocate(size_t size);

/* ---- cut.c ----------------------------------------------------------------------------------------------------- */

/* Makes the directory what a power cut leaves of it. */
void cut_power(void);
/* The same where some of what was not synced is there, as the seed decides. */
void cut_power_with_remains(uint64_t seed);

/* ---- memory.c -------------------------------------------------------------------------------------------------- */

/* Writes the model to a file, if one is named. */
void memorize(const char *path);
/* Reads it; false when there is none. */
bool recall(const char *path);

/* ---- points.c -------------------------------------------------------------------------------------------------- */

enum kind { CHANGE, REMOVE, WRITE, SYNC, HINT, STEP, END };

/* What becomes of an operation. */
enum verdict {
    DONE,
    FAILED, /* errno says why */
    HALVED, /* half of a write is done */
    TORN    /* half of a write is done, and the process ends */
};

/* One operation at a time: the points have the order of the changes. Whoever ends the process keeps the lock, so that
 * nothing else happens on the disk. */
extern pthread_mutex_t lock;
void unlock(int *unused);
#define LOCKED \
    pthread_mutex_lock(&lock); \
    __attribute__((cleanup(unlock), unused)) int held = 0

/* Counts a point, and does what is to happen at it. */
enum verdict point(enum kind kind, const char *operation, const char *what);
__attribute__((noreturn)) void die(void);
/* To be called when the process ends by itself. */
void finish(void);
