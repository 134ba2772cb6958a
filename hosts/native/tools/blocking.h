// SPDX-License-Identifier: MIT
/* The TLS engine on a blocking socket, for the programs beside this. */
#ifndef BERTH_BLOCKING_H
#define BERTH_BLOCKING_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "berth_tls_client.h"

static inline void give_up(const char *why, const char *what)
{
  fprintf(stderr, "%s: %s\n", why, what);
  exit(2);
}

static inline berth_bytes read_file(const char *path)
{
  FILE *file = fopen(path, "rb");
  if (file == NULL) give_up("cannot read", path);
  uint8_t *bytes = malloc(65536);
  if (bytes == NULL) give_up("no memory for", path);
  const size_t length = fread(bytes, 1, 65536, file);
  fclose(file);
  return (berth_bytes){bytes, length};
}

/* Of ADDRESS:PORT, which it cuts in two. */
static inline struct sockaddr_in read_address(char *text)
{
  struct sockaddr_in address = {.sin_family = AF_INET};
  char *colon = strchr(text, ':');
  if (colon == NULL) give_up("no ADDRESS:PORT", text);
  *colon = 0;
  address.sin_port = htons((uint16_t)atoi(colon + 1));
  if (inet_pton(AF_INET, text, &address.sin_addr) != 1) give_up("no IPv4 address", text);
  return address;
}

static inline int open_socket(const struct sockaddr_in *address)
{
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  const struct timeval limit = {.tv_sec = 10};
  if (descriptor < 0) return -1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(descriptor, (const struct sockaddr *)address, sizeof *address) == 0) return descriptor;
  close(descriptor);
  return -1;
}

static inline void send_pending(berth_tls_client *client, int descriptor)
{
  uint8_t bytes[2048];
  size_t count;
  while ((count = berth_tls_drain(client, bytes, sizeof bytes)) > 0)
    if (send(descriptor, bytes, count, MSG_NOSIGNAL) < 0) return;
}

/* Waits for ciphertext and feeds it, in pieces; decrypted bytes are counted into `received`. */
static inline void receive(berth_tls_client *client, int descriptor, size_t chunk, size_t *received)
{
  uint8_t bytes[2048];
  const ssize_t count = recv(descriptor, bytes, sizeof bytes, 0);
  if (count <= 0) berth_tls_end_of_input(client);
  for (size_t at = 0; count > 0 && at < (size_t)count;) {
    const size_t rest = (size_t)count - at;
    at += berth_tls_feed(client, bytes + at, rest < chunk ? rest : chunk);
    uint8_t plain[256];
    size_t got;
    if (berth_tls_advance(client) == BERTH_TLS_FAILED) return;
    while ((got = berth_tls_read(client, plain, sizeof plain)) > 0) *received += got;
    send_pending(client, descriptor);
  }
  berth_tls_advance(client);
}

#endif
