// SPDX-License-Identifier: MIT
/*
 * The check of name constraints below libFuzzer. An input: a byte of flags, the host, a NUL, then
 *
 *   flag 1:  what the extension nameConstraints of a CA holds, as it is: only that nothing is read behind it is checked
 *   else:    bases: a byte, 0x80 for an excluded one, the rest its length; the bytes. Judged by rules written down in
 *            another way.
 *
 * flag 2: the certificate's name is "*.hub.example", not the host.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fuzz_world.h"
#include "berth_name_constraints.h"
#include "berth_server_name.h"

#define MOST 400
#define LONGEST_BASE 60
#define WILDCARD "*.hub.example"

static const char LABEL[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

typedef struct {
  uint8_t bytes[4 * MOST];
  size_t length;
} buffer;

static void put(buffer *to, const void *bytes, size_t count)
{
  if (count > sizeof to->bytes - to->length) abort();
  memcpy(to->bytes + to->length, bytes, count);
  to->length += count;
}

static buffer wrapped(uint8_t tag, const void *bytes, size_t count)
{
  const uint8_t head[] = {tag, 0x82, (uint8_t)(count >> 8), (uint8_t)count};
  buffer all = {.length = 0};
  put(&all, head, sizeof head);
  put(&all, bytes, count);
  return all;
}

/* Extensions with this one. */
static buffer extension(uint8_t arc, const void *value, size_t count)
{
  const uint8_t identifier[] = {6, 3, 0x55, 0x1D, arc};
  buffer inside = {.length = 0};
  put(&inside, identifier, sizeof identifier);
  const buffer octets = wrapped(4, value, count);
  put(&inside, octets.bytes, octets.length);
  const buffer one = wrapped(0x30, inside.bytes, inside.length);
  return wrapped(0x30, one.bytes, one.length);
}

/* A certificate with these extensions, alone in memory, so that a byte read behind them is found. */
static unsigned char *give(mbedtls_x509_crt *certificate, const buffer *extensions)
{
  unsigned char *copy = malloc(extensions->length);
  if (copy == NULL) abort();
  memcpy(copy, extensions->bytes, extensions->length);
  mbedtls_x509_crt_init(certificate);
  certificate->v3_ext.p = copy;
  certificate->v3_ext.len = extensions->length;
  return copy;
}

static bool expected_base(const char *base)
{
  if (*base == 0) return true;
  if (*base == '.') base++;
  for (;;) {
    const size_t label = strspn(base, LABEL);
    if (label == 0) return false;
    if (base[label] == 0) return true;
    if (base[label] != '.') return false;
    base += label + 1;
  }
}

static bool expected_within(const char *name, const char *base)
{
  char below[LONGEST_BASE + 2];
  if (*base == 0 || strcasecmp(name, base) == 0) return *base != '.';
  snprintf(below, sizeof below, "%s%s", *base == '.' ? "" : ".", base);
  return strlen(name) > strlen(below) && strcasecmp(name + strlen(name) - strlen(below), below) == 0;
}

static bool expected_touch(const char *name, const char *base)
{
  if (expected_within(name, base)) return true;
  const char *rest = strchr(base, '.');
  return name[0] == '*' && rest != NULL && rest != base && strcasecmp(rest, name + 1) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const uint8_t *end = size < 2 ? NULL : memchr(data + 1, 0, size - 1);
  uint8_t address[4];
  if (end == NULL || size > MOST) return 0;
  const char *host = (const char *)data + 1;
  const berth_name_kind kind = berth_name_kind_of(host, address);
  if (kind == BERTH_NAME_INVALID) return 0;
  const char *name = data[0] & 2 ? WILDCARD : host;
  const bool raw = data[0] & 1;
  buffer value = {.length = 0};
  buffer lists[2] = {{.length = 0}, {.length = 0}};
  bool readable = true;
  bool bound = false;
  bool within[2] = {false, false};
  bool touched = false;
  const uint8_t *at = end + 1;
  if (raw) put(&value, at, (size_t)(data + size - at));
  while (!raw && at < data + size) {
    char base[LONGEST_BASE + 1] = "";
    const bool excluded = *at & 0x80;
    size_t length = *at++ & 0x7F;
    if (length > LONGEST_BASE) length = LONGEST_BASE;
    if (length > (size_t)(data + size - at)) length = (size_t)(data + size - at);
    memcpy(base, at, length);
    const buffer general = wrapped(0x82, at, length);
    const buffer subtree = wrapped(0x30, general.bytes, general.length);
    if (lists[excluded].length + subtree.length > MOST) break;
    put(&lists[excluded], subtree.bytes, subtree.length);
    at += length;
    readable = readable && strlen(base) == length && expected_base(base);
    bound = bound || !excluded;
    const char *names[] = {host, name};
    for (int i = 0; i < 2; i++) {
      /* For a host that is an address constraints on names are none. */
      if (excluded) touched = touched || ((i == 1 || kind == BERTH_NAME_DNS) && expected_touch(names[i], base));
      else within[i] = within[i] || (i == 0 && kind == BERTH_NAME_IPV4) || expected_within(names[i], base);
    }
  }
  if (!raw) {
    buffer both = {.length = 0};
    for (int i = 0; i < 2; i++) {
      const buffer list = wrapped((uint8_t)(0xA0 + i), lists[i].bytes, lists[i].length);
      if (lists[i].length > 0) put(&both, list.bytes, list.length);
    }
    value = wrapped(0x30, both.bytes, both.length);
    readable = readable && both.length > 0;
  }
  const buffer general = wrapped(0x82, name, strlen(name));
  const buffer names = wrapped(0x30, general.bytes, general.length);
  const buffer own = extension(17, names.bytes, names.length);
  const buffer above = extension(30, value.bytes, value.length);
  mbedtls_x509_crt certificates[2];
  unsigned char *memory[] = {give(&certificates[0], &own), give(&certificates[1], &above)};
  const mbedtls_x509_crt *path[] = {&certificates[0], &certificates[1]};
  const bool allowed = berth_names_are_allowed(path, 2, host);
  const bool expected = readable && (!bound || (within[0] && within[1])) && !touched;
  if (!raw && allowed != expected) berth_fuzz_stop(allowed ? "a name is taken" : "a name is refused");
  free(memory[0]);
  free(memory[1]);
  return 0;
}
