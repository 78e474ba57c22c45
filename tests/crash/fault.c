/* Which durable step is this, and what shall happen at it?
 *
 * An LD_PRELOAD library. It counts the calls that change files below one folder and, at call k,
 * fails with an error number, writes half the bytes and kills the process, or kills it before or
 * after the call. With a trace file it writes one line a call, with calls of its own that it does
 * not count. `fault_arm` begins; until then every call goes through untouched.
 *
 * Stores into a writable mapping are not seen: there must be none.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT_ONLY, KILL_BEFORE, KILL_AFTER, KILL_HALF, FAIL };

static char root[PATH_MAX];
static size_t root_length;
static long calls, at = -1;
static int kind = COUNT_ONLY, number, trace = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void fault_arm(const char *folder, long call, int what, int error, const char *trace_file) {
    calls = 0;
    at = call;
    kind = what;
    number = error;
    if (trace_file && *trace_file)
        trace = open(trace_file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    strncpy(root, folder, sizeof root - 1);
    root_length = strlen(root);
}

long fault_calls(void) { return calls; }

static int below(const char *path) {
    return root_length && !strncmp(path, root, root_length) &&
           (path[root_length] == '/' || path[root_length] == 0);
}

static int path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return 1;
}

static int absolute(int folder, const char *name, char *path) {
    if (name[0] == '/') {
        snprintf(path, PATH_MAX, "%s", name);
        return 1;
    }
    char base[PATH_MAX];
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else if (!path_of(folder, base)) {
        return 0;
    }
    snprintf(path, PATH_MAX, "%.2000s/%.2000s", base, name);
    return 1;
}

/* Each fsync takes so many milliseconds longer as the file named by FAULT_DELAY says. */
static void delay(void) {
    static const char *name;
    if (!name) {
        name = getenv("FAULT_DELAY");
        if (!name) name = "";
    }
    if (!*name) return;
    char text[16] = "";
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    usleep((useconds_t)(1000L * atol(text)));
}

static void die(void) { syscall(SYS_kill, getpid(), SIGKILL); for (;;) pause(); }

/* Count a call; return 1 if it is the one that must fail, 2 half, 3 die afterwards. */
static int enter(const char *what, const char *path, const char *other) {
    pthread_mutex_lock(&lock);
    long mine = ++calls;
    if (trace >= 0) {
        char line[2 * PATH_MAX + 64];
        int n = snprintf(line, sizeof line, "%ld\t%s\t%s\t%s\n", mine, what, path, other);
        syscall(SYS_write, trace, line, (size_t)n);
    }
    pthread_mutex_unlock(&lock);
    if (mine != at) return 0;
    if (kind == KILL_BEFORE) die();
    if (kind == FAIL) { errno = number; return 1; }
    return kind == KILL_HALF ? 2 : kind == KILL_AFTER ? 3 : 0;
}

static int enter_descriptor(const char *what, int descriptor) {
    char path[PATH_MAX];
    if (!root_length || !path_of(descriptor, path) || !below(path)) return 0;
    return enter(what, path, "");
}

#define REAL(type, name, ...)                                  \
    static type (*real)(__VA_ARGS__);                          \
    if (!real) real = dlsym(RTLD_NEXT, #name)
#define AFTER(result, verdict) do { if (verdict >= 2) die(); return result; } while (0)

#define WRITER(name, offset_type)                                                         \
    ssize_t name(int fd, const void *bytes, size_t size, offset_type offset) {            \
        REAL(ssize_t, name, int, const void *, size_t, offset_type);                      \
        int verdict = enter_descriptor("write", fd);                                      \
        if (verdict == 1) return -1;                                                      \
        ssize_t done = real(fd, bytes, verdict == 2 ? size / 2 : size, offset);           \
        AFTER(done, verdict);                                                             \
    }
WRITER(pwrite, off_t)
WRITER(pwrite64, off64_t)

ssize_t write(int fd, const void *bytes, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    int verdict = enter_descriptor("write", fd);
    if (verdict == 1) return -1;
    ssize_t done = real(fd, bytes, verdict == 2 ? size / 2 : size);
    AFTER(done, verdict);
}

static int half(const struct iovec *all, int count, struct iovec *out) {
    size_t total = 0;
    for (int i = 0; i < count; i++) total += all[i].iov_len;
    total /= 2;
    int used = 0;
    for (; used < count && total; used++) {
        out[used] = all[used];
        if (out[used].iov_len > total) out[used].iov_len = total;
        total -= out[used].iov_len;
    }
    return used;
}

ssize_t writev(int fd, const struct iovec *all, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    int verdict = enter_descriptor("write", fd);
    if (verdict == 1) return -1;
    struct iovec some[IOV_MAX];
    if (verdict == 2) { count = half(all, count, some); all = some; }
    ssize_t done = count ? real(fd, all, count) : 0;
    AFTER(done, verdict);
}

#define VECTOR_WRITER(name, offset_type)                                                  \
    ssize_t name(int fd, const struct iovec *all, int count, offset_type offset) {        \
        REAL(ssize_t, name, int, const struct iovec *, int, offset_type);                 \
        int verdict = enter_descriptor("write", fd);                                      \
        if (verdict == 1) return -1;                                                      \
        struct iovec some[IOV_MAX];                                                       \
        if (verdict == 2) { count = half(all, count, some); all = some; }                 \
        ssize_t done = count ? real(fd, all, count, offset) : 0;                          \
        AFTER(done, verdict);                                                             \
    }
VECTOR_WRITER(pwritev, off_t)
VECTOR_WRITER(pwritev64, off64_t)

#define NO_DELAY
#define ON_DESCRIPTOR(name, label, pause, parameters, arguments, ...)                     \
    int name parameters {                                                                 \
        REAL(int, name, __VA_ARGS__);                                                     \
        pause;                                                                            \
        int verdict = enter_descriptor(label, fd);                                        \
        if (verdict == 1) return -1;                                                      \
        int done = real arguments;                                                        \
        AFTER(done, verdict);                                                             \
    }
ON_DESCRIPTOR(fsync, "fsync", delay(), (int fd), (fd), int)
ON_DESCRIPTOR(fdatasync, "fsync", delay(), (int fd), (fd), int)
ON_DESCRIPTOR(ftruncate, "truncate", NO_DELAY, (int fd, off_t size), (fd, size), int, off_t)
ON_DESCRIPTOR(ftruncate64, "truncate", NO_DELAY, (int fd, off64_t size), (fd, size), int, off64_t)
ON_DESCRIPTOR(fallocate, "allocate", NO_DELAY, (int fd, int mode, off_t start, off_t size),
              (fd, mode, start, size), int, int, off_t, off_t)
ON_DESCRIPTOR(fallocate64, "allocate", NO_DELAY, (int fd, int mode, off64_t start, off64_t size),
              (fd, mode, start, size), int, int, off64_t, off64_t)

/* These return the error number instead of setting it. */
#define ALLOCATOR(name, offset_type)                                                      \
    int name(int fd, offset_type start, offset_type size) {                               \
        REAL(int, name, int, offset_type, offset_type);                                   \
        int verdict = enter_descriptor("allocate", fd);                                   \
        if (verdict == 1) return number;                                                  \
        int done = real(fd, start, size);                                                 \
        AFTER(done, verdict);                                                             \
    }
ALLOCATOR(posix_fallocate, off_t)
ALLOCATOR(posix_fallocate64, off64_t)

int msync(void *start, size_t size, int flags) {
    REAL(int, msync, void *, size_t, int);
    int verdict = root_length ? enter("msync", "?", "") : 0;
    if (verdict == 1) return -1;
    int done = real(start, size, flags);
    AFTER(done, verdict);
}

static int enter_name(const char *what, int folder, const char *name, int other_folder,
                      const char *other) {
    char path[PATH_MAX], second[PATH_MAX] = "";
    if (!root_length || !absolute(folder, name, path)) return 0;
    if (other && !absolute(other_folder, other, second)) return 0;
    return below(path) ? enter(what, path, second) : 0;
}

#define ON_NAME(name, label, parameters, arguments, folder, path, other_folder, other, ...) \
    int name parameters {                                                                   \
        REAL(int, name, __VA_ARGS__);                                                       \
        int verdict = enter_name(label, folder, path, other_folder, other);                 \
        if (verdict == 1) return -1;                                                        \
        int done = real arguments;                                                          \
        AFTER(done, verdict);                                                               \
    }
ON_NAME(rename, "rename", (const char *a, const char *b), (a, b), AT_FDCWD, a, AT_FDCWD, b,
        const char *, const char *)
ON_NAME(renameat, "rename", (int f, const char *a, int g, const char *b), (f, a, g, b), f, a, g, b,
        int, const char *, int, const char *)
ON_NAME(renameat2, "rename", (int f, const char *a, int g, const char *b, unsigned flags),
        (f, a, g, b, flags), f, a, g, b, int, const char *, int, const char *, unsigned)
ON_NAME(unlink, "unlink", (const char *a), (a), AT_FDCWD, a, 0, NULL, const char *)
ON_NAME(unlinkat, "unlink", (int f, const char *a, int flags), (f, a, flags), f, a, 0, NULL, int,
        const char *, int)
ON_NAME(rmdir, "unlink", (const char *a), (a), AT_FDCWD, a, 0, NULL, const char *)
ON_NAME(mkdir, "create", (const char *a, mode_t mode), (a, mode), AT_FDCWD, a, 0, NULL,
        const char *, mode_t)
ON_NAME(mkdirat, "create", (int f, const char *a, mode_t mode), (f, a, mode), f, a, 0, NULL, int,
        const char *, mode_t)

/* Only an opening that creates or empties a file is a durable step. */
static int enter_open(int folder, const char *name, int flags) {
    struct stat status;
    if (!root_length || !(flags & (O_CREAT | O_TRUNC))) return 0;
    int exists = !fstatat(folder, name, &status, 0);
    if (exists && !(flags & O_TRUNC)) return 0;
    return enter_name("create", folder, name, 0, NULL);
}

#define OPENER(name, label, parameters, arguments, folder, ...)       \
    int name parameters {                                             \
        REAL(int, name, __VA_ARGS__, ...);                            \
        mode_t mode = 0;                                              \
        if (flags & (O_CREAT | O_TMPFILE)) {                          \
            va_list list;                                             \
            va_start(list, flags);                                    \
            mode = (mode_t)va_arg(list, unsigned);                    \
            va_end(list);                                             \
        }                                                             \
        int verdict = enter_open(folder, path, flags);                \
        if (verdict == 1) return -1;                                  \
        int done = real arguments;                                    \
        AFTER(done, verdict);                                         \
    }
OPENER(open, "create", (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD,
       const char *, int)
OPENER(open64, "create", (const char *path, int flags, ...), (path, flags, mode), AT_FDCWD,
       const char *, int)
OPENER(openat, "create", (int folder, const char *path, int flags, ...),
       (folder, path, flags, mode), folder, int, const char *, int)
OPENER(openat64, "create", (int folder, const char *path, int flags, ...),
       (folder, path, flags, mode), folder, int, const char *, int)
