/*
 * A failing disk for one process, by LD_PRELOAD.
 *
 * Counts the calls of the C library that change files under given folders and, at the n-th one, fails it,
 * shortens it, or kills or stops the process. What the environment says:
 *
 *   CMS_FAULT_UNDER    folders, separated by ':'; absolute, without symbolic links
 *   CMS_FAULT_AT       n, counted from 1; absent or 0: only count
 *   CMS_FAULT_ACTION   fail:ERRNO       the n-th call fails and does nothing
 *                      fail-from:ERRNO  so does every later one
 *                      full:ERRNO       from the n-th on, every call that needs new space fails
 *                      short            the n-th call, a write, writes only half of its bytes
 *                      short-kill       the same, and the process is killed
 *                      kill-before, kill-after, stop-before, stop-after
 *   CMS_FAULT_READS    counts opening for reading and reading as well
 *   CMS_FAULT_REPORT   a file that gets a line "CALL PATH" for each counted call
 *
 * The counter belongs to the process. Nothing here allocates.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum action { COUNT, FAIL, FAIL_FROM, FULL, SHORT, SHORT_KILL, KILL_BEFORE, KILL_AFTER, STOP_BEFORE, STOP_AFTER };

/* What a counted call does, so that an action can choose. */
enum kind { PLAIN, SPACE /* may need a new block or inode */, READ };

enum verdict { GO, REFUSE, HALF };

static const char *folders;
static long at;
static enum action action;
static int error;
static int count_reads;
static int report = -1;
static atomic_long counter;

#define REAL(result, name, ...)                                     \
    static result (*real)(__VA_ARGS__);                             \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static long real_syscall(long number, long a, long b, long c, long d, long e, long f) {
    REAL(long, "syscall", long, ...);
    return real(number, a, b, c, d, e, f);
}

__attribute__((constructor)) static void read_environment(void) {
    const char *text = getenv("CMS_FAULT_AT");
    at = text ? atol(text) : 0;
    count_reads = getenv("CMS_FAULT_READS") != NULL;
    text = getenv("CMS_FAULT_ACTION");
    if (text && at > 0) {
        static const struct { const char *name; enum action action; } names[] = {
            {"fail:", FAIL}, {"fail-from:", FAIL_FROM}, {"full:", FULL},
            {"short-kill", SHORT_KILL}, {"short", SHORT},
            {"kill-before", KILL_BEFORE}, {"kill-after", KILL_AFTER},
            {"stop-before", STOP_BEFORE}, {"stop-after", STOP_AFTER},
        };
        size_t known = sizeof names / sizeof names[0], i;
        for (i = 0; i < known; i++)
            if (!strncmp(text, names[i].name, strlen(names[i].name))) break;
        if (i == known) { /* a misspelt action must not look like a disk that works */
            fprintf(stderr, "fault shim: unknown action %s\n", text);
            _exit(99);
        }
        action = names[i].action;
        const char *colon = strchr(text, ':');
        error = colon ? atoi(colon + 1) : EIO;
    }
    text = getenv("CMS_FAULT_REPORT");
    if (text) report = (int)real_syscall(SYS_openat, AT_FDCWD, (long)text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600, 0, 0);
    folders = getenv("CMS_FAULT_UNDER"); /* last: from here on calls are counted */
}

static int is_under(const char *path) {
    for (const char *folder = folders; folder && *folder;) {
        size_t length = strcspn(folder, ":");
        if (length && !strncmp(path, folder, length) && (path[length] == '/' || path[length] == 0)) return 1;
        folder += length + (folder[length] == ':');
    }
    return 0;
}

static int path_of_fd(int fd, char *out) {
    char link[48];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = real_syscall(SYS_readlinkat, AT_FDCWD, (long)link, (long)out, PATH_MAX - 1, 0, 0);
    if (length < 0) return 0;
    out[length] = 0;
    return 1;
}

static int path_at(int dir, const char *path, char *out) {
    if (!path) return 0;
    if (path[0] == '/') return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
    if (dir == AT_FDCWD) {
        if (real_syscall(SYS_getcwd, (long)out, PATH_MAX, 0, 0, 0, 0) < 0) return 0;
    } else if (!path_of_fd(dir, out)) {
        return 0;
    }
    size_t length = strlen(out);
    if (!path[0]) return 1; /* AT_EMPTY_PATH */
    return snprintf(out + length, PATH_MAX - length, "/%s", path) < (int)(PATH_MAX - length);
}

static void take_signal(int signal) {
    real_syscall(SYS_kill, real_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0), signal, 0, 0, 0, 0);
}

/* Counts the call, acts on what comes before it, and says whether and how the real one may run. */
static enum verdict begin(const char *call, const char *path, enum kind kind, long *number) {
    *number = 0;
    if (!folders || (kind == READ && !count_reads) || !is_under(path)) return GO;
    long n = atomic_fetch_add(&counter, 1) + 1;
    *number = n;
    if (report >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%s %s\n", call, path);
        int saved = errno;
        real_syscall(SYS_write, report, (long)line, length, 0, 0, 0);
        errno = saved;
    }
    if (!at || n < at) return GO;
    switch (action) {
    case FAIL_FROM: errno = error; return REFUSE;
    case FULL: if (kind != SPACE) return GO; errno = error; return REFUSE;
    default: break;
    }
    if (n != at) return GO;
    switch (action) {
    case FAIL: errno = error; return REFUSE;
    case SHORT: case SHORT_KILL: return HALF;
    case KILL_BEFORE: take_signal(SIGKILL); return GO;
    case STOP_BEFORE: take_signal(SIGSTOP); return GO;
    default: return GO;
    }
}

static void end(long number) {
    if (!number || number != at) return;
    int saved = errno;
    if (action == KILL_AFTER || action == SHORT_KILL) take_signal(SIGKILL);
    if (action == STOP_AFTER) take_signal(SIGSTOP);
    errno = saved;
}

static enum verdict begin_fd(const char *call, int fd, enum kind kind, long *number) {
    char path[PATH_MAX];
    int saved = errno;
    *number = 0;
    if (!folders || !path_of_fd(fd, path)) { errno = saved; return GO; }
    errno = saved;
    return begin(call, path, kind, number);
}

static enum verdict begin_at(const char *call, int dir, const char *name, enum kind kind, long *number) {
    char path[PATH_MAX];
    int saved = errno;
    *number = 0;
    if (!folders || !path_at(dir, name, path)) { errno = saved; return GO; }
    errno = saved;
    return begin(call, path, kind, number);
}

/* The real call between begin and end; `failure` is what the call answers when it fails. */
#define STEP(begin_call, failure, real_call)                        \
    long number;                                                    \
    if ((begin_call) == REFUSE) return failure;                     \
    __auto_type answer = (real_call);                               \
    end(number);                                                    \
    return answer

/* ---- opening ---- */

static int open_file(const char *call, int dir, const char *path, int flags, mode_t mode) {
    enum kind kind = READ;
    if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC))) {
        kind = PLAIN;
        int saved = errno;
        if ((flags & O_TMPFILE) == O_TMPFILE
            || ((flags & O_CREAT) && real_syscall(SYS_faccessat, dir, (long)path, F_OK, 0, 0, 0) != 0)) kind = SPACE;
        errno = saved;
    }
    STEP(begin_at(call, dir, path, kind, &number), -1,
         (int)real_syscall(SYS_openat, dir, (long)path, flags, mode, 0, 0));
}

#define MODE_ARGUMENT                                               \
    mode_t mode = 0;                                                \
    if (flags & (O_CREAT | O_TMPFILE)) {                            \
        va_list list;                                               \
        va_start(list, flags);                                      \
        mode = va_arg(list, mode_t);                                \
        va_end(list);                                               \
    }

int open(const char *path, int flags, ...) { MODE_ARGUMENT return open_file("open", AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_ARGUMENT return open_file("open", AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE_ARGUMENT return open_file("openat", dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE_ARGUMENT return open_file("openat", dir, path, flags, mode); }
int __open_2(const char *path, int flags) { return open_file("open", AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_file("open", AT_FDCWD, path, flags, 0); }
int __openat_2(int dir, const char *path, int flags) { return open_file("openat", dir, path, flags, 0); }
int __openat64_2(int dir, const char *path, int flags) { return open_file("openat", dir, path, flags, 0); }
int creat(const char *path, mode_t mode) { return open_file("creat", AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open_file("creat", AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* ---- reading ---- */

ssize_t read(int fd, void *bytes, size_t count) {
    STEP(begin_fd("read", fd, READ, &number), -1, real_syscall(SYS_read, fd, (long)bytes, count, 0, 0, 0));
}
ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
    STEP(begin_fd("pread", fd, READ, &number), -1, real_syscall(SYS_pread64, fd, (long)bytes, count, offset, 0, 0));
}
ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset) { return pread(fd, bytes, count, offset); }

/* ---- writing ---- */

ssize_t write(int fd, const void *bytes, size_t count) {
    long number;
    enum verdict verdict = begin_fd("write", fd, SPACE, &number);
    if (verdict == REFUSE) return -1;
    if (verdict == HALF && count > 1) count /= 2;
    ssize_t answer = real_syscall(SYS_write, fd, (long)bytes, count, 0, 0, 0);
    end(number);
    return answer;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    long number;
    enum verdict verdict = begin_fd("pwrite", fd, SPACE, &number);
    if (verdict == REFUSE) return -1;
    if (verdict == HALF && count > 1) count /= 2;
    ssize_t answer = real_syscall(SYS_pwrite64, fd, (long)bytes, count, offset, 0, 0);
    end(number);
    return answer;
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return pwrite(fd, bytes, count, offset); }

/* A short vectored write: half of the first part. */
static int halve(enum verdict verdict, const struct iovec *parts, int count, struct iovec *first) {
    if (verdict != HALF || count < 1) return 0;
    *first = parts[0];
    if (first->iov_len > 1) first->iov_len /= 2;
    return 1;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    long number;
    struct iovec first;
    enum verdict verdict = begin_fd("writev", fd, SPACE, &number);
    if (verdict == REFUSE) return -1;
    if (halve(verdict, parts, count, &first)) { parts = &first; count = 1; }
    ssize_t answer = real_syscall(SYS_writev, fd, (long)parts, count, 0, 0, 0);
    end(number);
    return answer;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    long number;
    struct iovec first;
    enum verdict verdict = begin_fd("pwritev", fd, SPACE, &number);
    if (verdict == REFUSE) return -1;
    if (halve(verdict, parts, count, &first)) { parts = &first; count = 1; }
    ssize_t answer = real(fd, parts, count, offset);
    end(number);
    return answer;
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) { return pwritev(fd, parts, count, offset); }

ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t length, unsigned flags) {
    STEP(begin_fd("copy_file_range", out, SPACE, &number), -1,
         real_syscall(SYS_copy_file_range, in, (long)in_at, out, (long)out_at, length, flags));
}
ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    STEP(begin_fd("sendfile", out, SPACE, &number), -1, real_syscall(SYS_sendfile, out, in, (long)offset, count, 0, 0));
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) { return sendfile(out, in, offset, count); }

/* ---- syncing and sizing ---- */

int fsync(int fd) { STEP(begin_fd("fsync", fd, PLAIN, &number), -1, (int)real_syscall(SYS_fsync, fd, 0, 0, 0, 0, 0)); }
int fdatasync(int fd) { STEP(begin_fd("fdatasync", fd, PLAIN, &number), -1, (int)real_syscall(SYS_fdatasync, fd, 0, 0, 0, 0, 0)); }
int syncfs(int fd) { STEP(begin_fd("syncfs", fd, PLAIN, &number), -1, (int)real_syscall(SYS_syncfs, fd, 0, 0, 0, 0, 0)); }
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
    REAL(int, "sync_file_range", int, off64_t, off64_t, unsigned);
    STEP(begin_fd("sync_file_range", fd, PLAIN, &number), -1, real(fd, offset, length, flags));
}
int ftruncate(int fd, off_t length) { STEP(begin_fd("ftruncate", fd, PLAIN, &number), -1, (int)real_syscall(SYS_ftruncate, fd, length, 0, 0, 0, 0)); }
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }
int truncate(const char *path, off_t length) {
    STEP(begin_at("truncate", AT_FDCWD, path, PLAIN, &number), -1, (int)real_syscall(SYS_truncate, (long)path, length, 0, 0, 0, 0));
}
int truncate64(const char *path, off64_t length) { return truncate(path, length); }
int fallocate(int fd, int mode, off_t offset, off_t length) {
    STEP(begin_fd("fallocate", fd, SPACE, &number), -1, (int)real_syscall(SYS_fallocate, fd, mode, offset, length, 0, 0));
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) {
    REAL(int, "posix_fallocate", int, off_t, off_t);
    STEP(begin_fd("posix_fallocate", fd, SPACE, &number), errno, real(fd, offset, length));
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

/* ---- names ---- */

/* A rename counts when either name is under the folders; it is reported by the new one. */
static enum verdict begin_two(const char *call, int old_dir, const char *old, int new_dir, const char *new, enum kind kind, long *number) {
    char path[PATH_MAX];
    int saved = errno;
    if (folders && path_at(new_dir, new, path) && is_under(path)) { errno = saved; return begin(call, path, kind, number); }
    errno = saved;
    return begin_at(call, old_dir, old, kind, number);
}

int rename(const char *old, const char *new) {
    REAL(int, "rename", const char *, const char *);
    STEP(begin_two("rename", AT_FDCWD, old, AT_FDCWD, new, PLAIN, &number), -1, real(old, new));
}
int renameat(int old_dir, const char *old, int new_dir, const char *new) {
    REAL(int, "renameat", int, const char *, int, const char *);
    STEP(begin_two("renameat", old_dir, old, new_dir, new, PLAIN, &number), -1, real(old_dir, old, new_dir, new));
}
int renameat2(int old_dir, const char *old, int new_dir, const char *new, unsigned flags) {
    STEP(begin_two("renameat2", old_dir, old, new_dir, new, PLAIN, &number), -1,
         (int)real_syscall(SYS_renameat2, old_dir, (long)old, new_dir, (long)new, flags, 0));
}
int link(const char *old, const char *new) {
    REAL(int, "link", const char *, const char *);
    STEP(begin_at("link", AT_FDCWD, new, SPACE, &number), -1, real(old, new));
}
int linkat(int old_dir, const char *old, int new_dir, const char *new, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    STEP(begin_at("linkat", new_dir, new, SPACE, &number), -1, real(old_dir, old, new_dir, new, flags));
}
int symlink(const char *target, const char *path) {
    REAL(int, "symlink", const char *, const char *);
    STEP(begin_at("symlink", AT_FDCWD, path, SPACE, &number), -1, real(target, path));
}
int symlinkat(const char *target, int dir, const char *path) {
    REAL(int, "symlinkat", const char *, int, const char *);
    STEP(begin_at("symlinkat", dir, path, SPACE, &number), -1, real(target, dir, path));
}
int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    STEP(begin_at("unlink", AT_FDCWD, path, PLAIN, &number), -1, real(path));
}
int unlinkat(int dir, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    STEP(begin_at("unlinkat", dir, path, PLAIN, &number), -1, real(dir, path, flags));
}
int rmdir(const char *path) {
    REAL(int, "rmdir", const char *);
    STEP(begin_at("rmdir", AT_FDCWD, path, PLAIN, &number), -1, real(path));
}
int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    STEP(begin_at("mkdir", AT_FDCWD, path, SPACE, &number), -1, real(path, mode));
}
int mkdirat(int dir, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    STEP(begin_at("mkdirat", dir, path, SPACE, &number), -1, real(dir, path, mode));
}

/* ---- rights and attributes ---- */

int chmod(const char *path, mode_t mode) {
    REAL(int, "chmod", const char *, mode_t);
    STEP(begin_at("chmod", AT_FDCWD, path, PLAIN, &number), -1, real(path, mode));
}
int fchmod(int fd, mode_t mode) { STEP(begin_fd("fchmod", fd, PLAIN, &number), -1, (int)real_syscall(SYS_fchmod, fd, mode, 0, 0, 0, 0)); }
int fchmodat(int dir, const char *path, mode_t mode, int flags) {
    REAL(int, "fchmodat", int, const char *, mode_t, int);
    STEP(begin_at("fchmodat", dir, path, PLAIN, &number), -1, real(dir, path, mode, flags));
}
int chown(const char *path, uid_t user, gid_t group) {
    REAL(int, "chown", const char *, uid_t, gid_t);
    STEP(begin_at("chown", AT_FDCWD, path, PLAIN, &number), -1, real(path, user, group));
}
int lchown(const char *path, uid_t user, gid_t group) {
    REAL(int, "lchown", const char *, uid_t, gid_t);
    STEP(begin_at("lchown", AT_FDCWD, path, PLAIN, &number), -1, real(path, user, group));
}
int fchown(int fd, uid_t user, gid_t group) { STEP(begin_fd("fchown", fd, PLAIN, &number), -1, (int)real_syscall(SYS_fchown, fd, user, group, 0, 0, 0)); }
int fchownat(int dir, const char *path, uid_t user, gid_t group, int flags) {
    REAL(int, "fchownat", int, const char *, uid_t, gid_t, int);
    STEP(begin_at("fchownat", dir, path, PLAIN, &number), -1, real(dir, path, user, group, flags));
}
int setxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
    REAL(int, "setxattr", const char *, const char *, const void *, size_t, int);
    STEP(begin_at("setxattr", AT_FDCWD, path, SPACE, &number), -1, real(path, name, value, size, flags));
}
int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags) {
    REAL(int, "lsetxattr", const char *, const char *, const void *, size_t, int);
    STEP(begin_at("lsetxattr", AT_FDCWD, path, SPACE, &number), -1, real(path, name, value, size, flags));
}
int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags) {
    STEP(begin_fd("fsetxattr", fd, SPACE, &number), -1, (int)real_syscall(SYS_fsetxattr, fd, (long)name, (long)value, size, flags, 0));
}
int futimens(int fd, const struct timespec times[2]) {
    REAL(int, "futimens", int, const struct timespec *);
    STEP(begin_fd("futimens", fd, PLAIN, &number), -1, real(fd, times));
}
int utimensat(int dir, const char *path, const struct timespec times[2], int flags) {
    REAL(int, "utimensat", int, const char *, const struct timespec *, int);
    STEP(begin_at("utimensat", dir, path, PLAIN, &number), -1, real(dir, path, times, flags));
}

/* ---- calls made by number ---- */

long syscall(long code, ...) {
    va_list list;
    va_start(list, code);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    switch (code) {
    case SYS_openat: return open_file("openat", (int)a, (const char *)b, (int)c, (mode_t)d);
    case SYS_renameat2: return renameat2((int)a, (const char *)b, (int)c, (const char *)d, (unsigned)e);
    case SYS_copy_file_range: return copy_file_range((int)a, (off64_t *)b, (int)c, (off64_t *)d, (size_t)e, (unsigned)f);
    case SYS_fchmod: return fchmod((int)a, (mode_t)b);
    case SYS_fallocate: return fallocate((int)a, (int)b, c, d);
    case SYS_write: return write((int)a, (const void *)b, (size_t)c);
    case SYS_pwrite64: return pwrite((int)a, (const void *)b, (size_t)c, d);
    case SYS_fsync: return fsync((int)a);
    case SYS_fdatasync: return fdatasync((int)a);
    default: return real_syscall(code, a, b, c, d, e, f);
    }
}
