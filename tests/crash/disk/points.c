/* When something happens, and what. */
#include "disk.h"

enum effect { KILL, TEAR, LOSE, LOSE_SOME, BREAK, FILL };
static const char *const EFFECTS[] = {"kill", "torn", "lost", "lost-some", "broken", "full", NULL};
static const char *const KINDS[] = {"change", "remove", "write", "sync", "hint", "step", "end", NULL};

pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static enum effect effect;
static unsigned counted; /* a bit a kind */
static uint64_t at, seed, number;
static bool is_traced, is_finished;

void unlock(int *unused) {
    int kept = errno;
    (void)unused;
    pthread_mutex_unlock(&lock);
    errno = kept;
}

void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) refuse("there is no %s", name);
    return found;
}

void refuse(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    dprintf(2, "disk: not modelled: ");
    vdprintf(2, format, rest);
    dprintf(2, "\n");
    _exit(70);
}

void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value == NULL ? "" : value;
}

__attribute__((constructor)) static void start(void) {
    const char *path = setting("DISK_DIRECTORY");
    if (path[0] == 0) return;
    for (int kind = 0; KINDS[kind] != NULL; kind++) {
        if (strstr(setting("DISK_COUNTS"), KINDS[kind]) != NULL) counted |= 1u << kind;
    }
    while (strcmp(setting("DISK_EFFECT"), EFFECTS[effect]) != 0) {
        if (EFFECTS[++effect] == NULL) refuse("the effect %s", setting("DISK_EFFECT"));
    }
    at = strtoull(setting("DISK_POINT"), NULL, 10);
    seed = strtoull(setting("DISK_SEED"), NULL, 10);
    is_traced = setting("DISK_TRACE")[0] != 0;
    if (realpath(path, directory) == NULL) refuse("%s is not there", path);
    if (!recall(setting("DISK_MEMORY"))) adopt();
}

static enum verdict strike(enum kind kind) {
    bool is_first = number == at;
    switch (effect) {
        case KILL: memorize(setting("DISK_MEMORY")); die();
        case TEAR:
            if (kind == WRITE) return TORN;
            die();
        case LOSE: cut_power(); die();
        case LOSE_SOME: cut_power_with_remains(seed); die();
        case BREAK: errno = EIO; return is_first ? FAILED : DONE;
        default:
            if (kind == WRITE && is_first) return HALVED;
            errno = ENOSPC;
            return FAILED;
    }
}

enum verdict point(enum kind kind, const char *operation, const char *what) {
    if (!(counted & 1u << kind) || is_finished) return DONE;
    number++;
    size_t base = strlen(directory);
    if (strcmp(what, directory) == 0) what = ".";
    if (strncmp(what, directory, base) == 0 && what[base] == '/') what += base + 1;
    if (is_traced) dprintf(2, "disk: point %s: %s %s\n", KINDS[kind], operation, what);
    if (at == 0 || number < at) return DONE;
    if (number == at) dprintf(2, "disk: struck %lu: %s %s\n", number, operation, what);
    return strike(kind);
}

/* After a failure the power fails when the process ends: what it had relied on was on the disk, or is now missing. */
__attribute__((destructor)) void finish(void) {
    pthread_mutex_lock(&lock);
    if (directory[0] == 0 || is_finished) return;
    point(END, "end", "of the process");
    is_finished = true;
    dprintf(2, "disk: end %lu\n", number);
    if ((effect == BREAK || effect == FILL) && at != 0 && number >= at) cut_power();
}
