// SPDX-License-Identifier: MIT
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "script.h"
#include "berth_xs_binding.h"

/* The largest value of the store is 4,000 bytes. */
#define LONGEST_FILE 65536

/* now(): milliseconds since 1970 */
void xs_berth_now(xsMachine *the)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  xsmcSetNumber(xsResult, (double)now.tv_sec * 1e3 + floor((double)now.tv_nsec / 1e6));
}

/* ticks(): milliseconds, never going back */
void xs_berth_ticks(xsMachine *the)
{
  xsmcSetNumber(xsResult, berth_ticks());
}

static struct {
  bool set;
  xsSlot callback;
} ringing;

static void ring(xsMachine *the)
{
  berth_call(the, &ringing.callback);
}

/* alarm(callback, at): calls it once at that tick; a negative one cancels. There is one alarm. */
void xs_berth_alarm(xsMachine *the)
{
  if (ringing.set) xsForget(ringing.callback);
  ringing.callback = xsArg(0);
  xsRemember(ringing.callback);
  ringing.set = true;
  berth_loop_alarm(xsmcToNumber(xsArg(1)), ring);
}

/* print(line): UTF-8. XS's own strings have surrogates in place of characters beyond U+FFFF. */
void xs_berth_print(xsMachine *the)
{
  const berth_view line = berth_view_of(the, &xsArg(0), false);
  fwrite(line.bytes, 1, line.length, stdout);
  putchar('\n');
  fflush(stdout);
}

static struct {
  xsSlot callback;
} input;

static void input_ready(xsMachine *the, berth_source *source, short events)
{
  char bytes[4096];
  (void)events;
  const ssize_t count = read(source->descriptor, bytes, sizeof bytes);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) berth_loop_remove(source);
  berth_call_bytes(the, &input.callback, bytes, count > 0 ? (int)count : 0);
  explicit_bzero(bytes, sizeof bytes);
}

/* input(callback): calls it with what comes on standard input, and with no bytes at its end */
void xs_berth_input(xsMachine *the)
{
  berth_source *source = calloc(1, sizeof *source);
  if (source == NULL) xsUnknownError("out of memory");
  *source = (berth_source){.descriptor = STDIN_FILENO, .wanted = POLLIN, .ready = input_ready};
  input.callback = xsArg(0);
  xsRemember(input.callback);
  berth_loop_add(source);
}

/* exit(status): after the callback in hand */
void xs_berth_exit(xsMachine *the)
{
  berth_loop_stop((int)xsmcToInteger(xsArg(0)));
}

/* Leaves room for ".tmp". */
static void path_of(xsMachine *the, char path[PATH_MAX])
{
  const berth_view bytes = berth_view_of(the, &xsArg(0), false);
  if (bytes.length == 0 || bytes.length >= PATH_MAX - 8 || memchr(bytes.bytes, 0, bytes.length) != NULL)
    xsUnknownError("a path that cannot be");
  memcpy(path, bytes.bytes, bytes.length);
  path[bytes.length] = 0;
}

static void throw_errno(xsMachine *the, const char *doing, const char *path)
{
  xsUnknownError("cannot %s %s: %s", doing, path, strerror(errno));
}

/* makeDirectory(path): for its owner only; one that is there is fine */
void xs_berth_make_directory(xsMachine *the)
{
  char path[PATH_MAX];
  path_of(the, path);
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(path, 0700);
    *slash = '/';
  }
  if (mkdir(path, 0700) == 0) return;
  struct stat there;
  if (errno == EEXIST && stat(path, &there) == 0 && !S_ISDIR(there.st_mode)) errno = ENOTDIR;
  if (errno != EEXIST) throw_errno(the, "make", path);
}

/* readFile(path): an ArrayBuffer, or undefined where there is no file. @throws Error */
void xs_berth_read_file(xsMachine *the)
{
  char path[PATH_MAX];
  path_of(the, path);
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) return;
    throw_errno(the, "read", path);
  }
  uint8_t *bytes = malloc(LONGEST_FILE);
  const ssize_t count = bytes == NULL ? -1 : read(descriptor, bytes, LONGEST_FILE);
  const int error = errno;
  close(descriptor);
  if (count >= 0) xsmcSetArrayBuffer(xsResult, bytes, (xsIntegerValue)count);
  free(bytes);
  errno = error;
  if (count < 0) throw_errno(the, "read", path);
}

static bool write_all(int descriptor, const uint8_t *bytes, size_t count)
{
  while (count > 0) {
    const ssize_t written = write(descriptor, bytes, count);
    if (written < 0) return false;
    bytes += written;
    count -= (size_t)written;
  }
  return fsync(descriptor) == 0;
}

/* A rename is durable once its directory is. */
static bool sync_directory_of(const char *path)
{
  char copy[PATH_MAX];
  snprintf(copy, sizeof copy, "%s", path);
  const int descriptor = open(dirname(copy), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (descriptor < 0) return false;
  const bool good = fsync(descriptor) == 0;
  close(descriptor);
  return good;
}

/* writeFile(path, bytes): durable, the old value or the new one. @throws Error */
void xs_berth_write_file(xsMachine *the)
{
  char path[PATH_MAX];
  char temporary[PATH_MAX];
  path_of(the, path);
  snprintf(temporary, sizeof temporary, "%.*s.tmp", PATH_MAX - 8, path);
  const berth_view bytes = berth_view_of(the, &xsArg(1), false);
  const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor < 0) throw_errno(the, "write", path);
  bool good = write_all(descriptor, bytes.bytes, bytes.length);
  close(descriptor);
  good = good && rename(temporary, path) == 0 && sync_directory_of(path);
  if (good) return;
  const int error = errno;
  unlink(temporary);
  errno = error;
  throw_errno(the, "write", path);
}

/* removeFile(path): one that is not there is fine. @throws Error */
void xs_berth_remove_file(xsMachine *the)
{
  char path[PATH_MAX];
  path_of(the, path);
  if (unlink(path) != 0 && errno != ENOENT) throw_errno(the, "remove", path);
}

/* fileSize(path): bytes, 0 where there is no file. @throws Error */
void xs_berth_file_size(xsMachine *the)
{
  char path[PATH_MAX];
  struct stat there = {0};
  path_of(the, path);
  if (stat(path, &there) != 0 && errno != ENOENT) throw_errno(the, "read", path);
  xsmcSetNumber(xsResult, (xsNumberValue)there.st_size);
}

/* readFileAt(path, at, target): fills it. @throws Error, where there are fewer bytes too */
void xs_berth_read_file_at(xsMachine *the)
{
  char path[PATH_MAX];
  path_of(the, path);
  const off_t at = (off_t)xsmcToNumber(xsArg(1));
  const berth_view target = berth_view_of(the, &xsArg(2), true);
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw_errno(the, "read", path);
  size_t done = 0;
  ssize_t count = 1;
  while (done < target.length && count > 0) {
    count = pread(descriptor, target.bytes + done, target.length - done, at + (off_t)done);
    if (count > 0) done += (size_t)count;
  }
  const int error = count < 0 ? errno : EIO;
  close(descriptor);
  errno = error;
  if (done < target.length) throw_errno(the, "read", path);
}

/* writeFileAt(path, at, bytes): durable on return. @throws Error */
void xs_berth_write_file_at(xsMachine *the)
{
  char path[PATH_MAX];
  path_of(the, path);
  const off_t at = (off_t)xsmcToNumber(xsArg(1));
  const berth_view bytes = berth_view_of(the, &xsArg(2), false);
  const int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) throw_errno(the, "write", path);
  const bool good = lseek(descriptor, at, SEEK_SET) == at && write_all(descriptor, bytes.bytes, bytes.length);
  const int error = errno;
  close(descriptor);
  errno = error;
  if (!good) throw_errno(the, "write", path);
}
