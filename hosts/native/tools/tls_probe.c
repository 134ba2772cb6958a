// SPDX-License-Identifier: MIT
/*
 * Runs the TLS engine on a blocking socket, without XS: for tests of the engine alone, and to try a server.
 *
 *   tls_probe --connect ADDRESS:PORT --host NAME --root FILE.der [--root FILE.der]...
 *             [--certificate FILE.der]... [--key FILE.der] [--now SECONDS] [--fragment BYTES] [--sessions COUNT]
 *             [--times COUNT] [--send TEXT] [--bytes COUNT] [--chunk COUNT]
 *
 * --times connects so often with one context: the second time can be a resumption. --send is written once open, and
 * --bytes of answer are waited for. --chunk hands over the server's bytes in such pieces.
 * Prints one JSON line a connection. Exit status 0 when each of them opened.
 */
#include <string.h>
#include <time.h>

#include "blocking.h"

#define MOST 8

typedef struct {
  struct sockaddr_in address;
  const char *host;
  const char *send;
  int64_t now;
  size_t expected;
  size_t chunk;
} probe;

static double milliseconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* One connection. Returns whether it opened and stayed open. */
static bool run(const probe *options, berth_tls_context *context)
{
  const int descriptor = open_socket(&options->address);
  if (descriptor < 0) {
    printf("{\"code\":-1,\"text\":\"no TCP connection\"}\n");
    return false;
  }
  const double start = milliseconds();
  double opened = 0;
  berth_tls_failure failure;
  const berth_tls_client_options settings = {.host = options->host, .now = options->now};
  berth_tls_client *client = berth_tls_client_new(context, &settings, &failure);
  size_t received = 0;
  bool sent = false;
  char details[96] = "";
  while (client != NULL && berth_tls_advance(client) != BERTH_TLS_FAILED) {
    if (berth_tls_advance(client) == BERTH_TLS_OPEN && !sent) {
      sent = true;
      opened = milliseconds() - start;
      snprintf(details, sizeof details, ",\"version\":\"%s\",\"suite\":\"%s\",\"resumed\":%s",
               berth_tls_version_name(client), berth_tls_suite_name(client), berth_tls_resumed(client) ? "true" : "false");
      if (options->send != NULL) berth_tls_write(client, options->send, strlen(options->send));
    }
    send_pending(client, descriptor);
    if (sent && received >= options->expected) break;
    receive(client, descriptor, options->chunk, &received);
  }
  if (client != NULL) {
    failure = *berth_tls_client_failure(client);
    berth_tls_finish(client);
    send_pending(client, descriptor);
  }
  berth_tls_client_free(client);
  close(descriptor);
  printf("{\"code\":%d,\"alert\":%d,\"detail\":%d,\"text\":\"%s\",\"received\":%zu,\"milliseconds\":%.2f%s}\n",
         (int)failure.code, failure.alert, failure.detail, failure.text, received, opened, details);
  return failure.code == BERTH_TLS_NO_FAILURE;
}

int main(int count, char **arguments)
{
  berth_tls_certificate roots[MOST] = {0};
  berth_tls_certificate chain[MOST] = {0};
  berth_tls_context_options options = {.roots = roots, .chain = chain, .sessions = 1};
  probe settings = {.now = (int64_t)time(NULL), .chunk = 2048, .host = ""};
  int times = 1;
  for (int i = 1; i + 1 < count; i += 2) {
    const char *name = arguments[i];
    char *value = arguments[i + 1];
    if (strcmp(name, "--connect") == 0) {
      settings.address = read_address(value);
    } else if (strcmp(name, "--host") == 0) settings.host = value;
    else if (strcmp(name, "--root") == 0 && options.root_count < MOST)
      roots[options.root_count++] = (berth_tls_certificate){read_file(value), true};
    else if (strcmp(name, "--certificate") == 0 && options.chain_count < MOST)
      chain[options.chain_count++] = (berth_tls_certificate){read_file(value), false};
    else if (strcmp(name, "--key") == 0) options.key = read_file(value);
    else if (strcmp(name, "--now") == 0) settings.now = atoll(value);
    else if (strcmp(name, "--fragment") == 0) options.maximum_fragment = (unsigned)atoi(value);
    else if (strcmp(name, "--sessions") == 0) options.sessions = (unsigned)atoi(value);
    else if (strcmp(name, "--times") == 0) times = atoi(value);
    else if (strcmp(name, "--send") == 0) settings.send = value;
    else if (strcmp(name, "--bytes") == 0) settings.expected = (size_t)atoi(value);
    else if (strcmp(name, "--chunk") == 0) settings.chunk = (size_t)atoi(value);
    else give_up("unknown option", name);
  }
  berth_tls_failure failure;
  berth_tls_context *context = berth_tls_context_new(&options, &failure);
  bool good = context != NULL;
  if (!good) printf("{\"code\":%d,\"detail\":%d,\"text\":\"%s\"}\n", (int)failure.code, failure.detail, failure.text);
  for (int i = 0; i < times && context != NULL; i++) good = run(&settings, context) && good;
  berth_tls_context_release(context);
  for (size_t i = 0; i < options.root_count; i++) free((void *)roots[i].der.bytes);
  for (size_t i = 0; i < options.chain_count; i++) free((void *)chain[i].der.bytes);
  free((void *)options.key.bytes);
  return good ? 0 : 1;
}
