// SPDX-License-Identifier: MIT
/*
 * Runs an app that mcconfig built for Linux (mc.so) without a display.
 *
 *   berth-headless [--timeout SECONDS] [--directory DIR] mc.so
 *
 * - trace() of the app goes to standard output, as the SDK's own simulator has it.
 * - The app ends the run by `screen.postMessage("exit N")`: N, 0 to 99, becomes the exit status.
 * - Exit status: 99 the app stopped by an XS abort (an exception that nothing caught, memory full, ...),
 *   98 it could not be loaded, 124 the watchdog, 64 wrong arguments, 130 and 143 by a signal.
 * - The watchdog is a signal, so that it ends a script that loops too.
 *
 * screen.h is the interface of mc.so and comes from the SDK that built it: it is included, not copied.
 */

#include <dlfcn.h>
#include <glib-unix.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "screen.h"

/* The app may ask for its screen's size; the smallest of the SDK's simulators is enough, nothing is drawn. */
#define SCREEN_WIDTH 128
#define SCREEN_HEIGHT 128

enum {
  STATUS_USAGE = 64,
  STATUS_NOT_LOADED = 98,
  STATUS_ABORTED = 99,
  STATUS_TIMEOUT = 124,
  STATUS_INTERRUPTED = 130,
  STATUS_TERMINATED = 143,
  LARGEST_STATUS_OF_APP = 97
};

static GMainLoop *loop;
static guint idleSource;
static int exitStatus = 0;
static gboolean ended = FALSE;

static void end(int status) {
  if (!ended) {
    ended = TRUE;
    exitStatus = status;
  }
  if (g_main_loop_is_running(loop)) g_main_loop_quit(loop);
}

static gboolean onIdle(gpointer data) {
  txScreen *screen = data;
  if (screen->idle) screen->idle(screen);
  return G_SOURCE_CONTINUE;
}

static void onStart(txScreen *screen, double interval) {
  if (idleSource) g_source_remove(idleSource);
  idleSource = g_timeout_add(interval < 1 ? 1 : (guint)interval, onIdle, screen);
}

static void onStop(txScreen *screen) {
  (void)screen;
  if (idleSource) g_source_remove(idleSource);
  idleSource = 0;
}

static void onAbort(txScreen *screen, int status) {
  (void)screen;
  fflush(stdout);
  fprintf(stderr, "berth-headless: XS aborted the app (status %d)\n", status);
  /* The machine is in an undefined state: nothing of it runs again. */
  _exit(STATUS_ABORTED);
}

/* "exit N" ends the run; every other message is for a simulator with a window. */
static void onPost(txScreen *screen, char *message, int size) {
  char *rest;
  long status;
  (void)screen;
  if (size != 0 || strncmp(message, "exit ", 5) != 0) return;
  status = strtol(message + 5, &rest, 10);
  if (rest == message + 5 || *rest != '\0' || status < 0 || status > LARGEST_STATUS_OF_APP) {
    fprintf(stderr, "berth-headless: \"%s\" is no exit status\n", message);
    status = STATUS_USAGE;
  }
  end((int)status);
}

static void onNothing(txScreen *screen) { (void)screen; }

static gboolean onInterrupt(gpointer data) {
  (void)data;
  end(STATUS_INTERRUPTED);
  return G_SOURCE_CONTINUE;
}

static gboolean onTerminate(gpointer data) {
  (void)data;
  end(STATUS_TERMINATED);
  return G_SOURCE_CONTINUE;
}

/* Only what is safe in a signal handler. */
static void onAlarm(int number) {
  static const char text[] = "berth-headless: time is up\n";
  (void)number;
  if (write(STDERR_FILENO, text, sizeof text - 1) < 0) _exit(STATUS_TIMEOUT);
  _exit(STATUS_TIMEOUT);
}

static int usage(void) {
  fputs("usage: berth-headless [--timeout SECONDS] [--directory DIR] mc.so\n", stderr);
  return STATUS_USAGE;
}

static txScreen *newScreen(void) {
  gsize pixels = (gsize)SCREEN_WIDTH * SCREEN_HEIGHT * screenBytesPerPixel;
  txScreen *screen = g_malloc0(sizeof(txScreen) + pixels);
  screen->abort = onAbort;
  screen->bufferChanged = onNothing;
  screen->formatChanged = onNothing;
  screen->post = onPost;
  screen->start = onStart;
  screen->stop = onStop;
  screen->width = SCREEN_WIDTH;
  screen->height = SCREEN_HEIGHT;
  mxCreateMutex(&screen->workersMutex);
  return screen;
}

int main(int count, char **arguments) {
  unsigned timeout = 0;
  const char *directory = NULL;
  char *path;
  void *library;
  txScreenLaunchProc launch;
  txScreen *screen;
  int at = 1;

  for (; at + 1 < count && strncmp(arguments[at], "--", 2) == 0; at += 2) {
    if (strcmp(arguments[at], "--timeout") == 0) timeout = (unsigned)strtoul(arguments[at + 1], NULL, 10);
    else if (strcmp(arguments[at], "--directory") == 0) directory = arguments[at + 1];
    else return usage();
  }
  if (at + 1 != count) return usage();

  path = realpath(arguments[at], NULL);
  if (path == NULL) {
    perror(arguments[at]);
    return STATUS_NOT_LOADED;
  }
  if (directory != NULL && chdir(directory) != 0) {
    perror(directory);
    return STATUS_NOT_LOADED;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  /* The SDK writes the file that stands for flash anew each time, with the device's key in it. */
  umask(077);
  /* The SDK's sockets write without MSG_NOSIGNAL: a peer that is gone would end the process. */
  signal(SIGPIPE, SIG_IGN);
  if (timeout > 0) {
    signal(SIGALRM, onAlarm);
    alarm(timeout);
  }

  library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "berth-headless: %s\n", dlerror());
    return STATUS_NOT_LOADED;
  }
  *(void **)&launch = dlsym(library, "fxScreenLaunch");
  if (launch == NULL) {
    fprintf(stderr, "berth-headless: %s is no app of mcconfig for Linux\n", path);
    return STATUS_NOT_LOADED;
  }

  loop = g_main_loop_new(NULL, FALSE);
  g_unix_signal_add(SIGINT, onInterrupt, NULL);
  g_unix_signal_add(SIGTERM, onTerminate, NULL);
  screen = newScreen();
  launch(screen);
  if (screen->machine == NULL) {
    fputs("berth-headless: XS did not start; the creation sizes of the manifest may be too small\n", stderr);
    return STATUS_NOT_LOADED;
  }
  if (!ended) g_main_loop_run(loop);
  if (screen->quit) screen->quit(screen);
  fflush(stdout);
  return exitStatus;
}
