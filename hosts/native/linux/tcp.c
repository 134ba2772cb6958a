// SPDX-License-Identifier: MIT
/*
 * A TCP socket as a board has it: what is written beyond the room is refused, an error is told once, and nothing is
 * told after it.
 */
#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "berth_byte_queue.h"
#include "loop.h"
#include "script.h"
#include "berth_xs_binding.h"

typedef struct {
  berth_source source;
  berth_byte_queue output;
  bool connected;
  bool failed;
  /* Kept from the collector until it is closed. */
  xsMachine *the;
  xsSlot self;
  xsSlot on_readable;
  xsSlot on_writable;
  xsSlot on_error;
} tcp_socket;

static void release(tcp_socket *tcp)
{
  if (tcp->source.descriptor >= 0) close(tcp->source.descriptor);
  tcp->source.descriptor = -1;
  berth_queue_close(&tcp->output);
  berth_loop_remove(&tcp->source);
}

/* Called when the machine ends: its slots are gone already. */
void xs_berth_tcp_destructor(void *data)
{
  if (data != NULL) release(data);
}

static void fail(xsMachine *the, tcp_socket *tcp)
{
  tcp->failed = true;
  tcp->source.wanted = 0;
  /* poll tells POLLHUP of a dead socket for ever. */
  close(tcp->source.descriptor);
  tcp->source.descriptor = -1;
  berth_call(the, &tcp->on_error);
}

/* Sends what waits. Returns false when the connection is broken. */
static bool flush(tcp_socket *tcp)
{
  berth_byte_queue *output = &tcp->output;
  while (berth_queue_count(output) > 0) {
    const ssize_t sent =
      send(tcp->source.descriptor, output->bytes + output->start, berth_queue_count(output), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) return false;
      tcp->source.wanted |= POLLOUT;
      return true;
    }
    output->start += (size_t)sent;
  }
  output->start = output->end = 0;
  tcp->source.wanted &= (short)~POLLOUT;
  return true;
}

static void become_writable(xsMachine *the, tcp_socket *tcp)
{
  if (!tcp->connected) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(tcp->source.descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      fail(the, tcp);
      return;
    }
    tcp->connected = true;
    tcp->source.wanted = POLLIN;
  } else if (!flush(tcp)) {
    fail(the, tcp);
    return;
  }
  if (berth_queue_count(&tcp->output) == 0)
    berth_call_number(the, &tcp->on_writable, (double)berth_queue_room(&tcp->output));
}

static void become_readable(xsMachine *the, tcp_socket *tcp)
{
  int count = 0;
  if (ioctl(tcp->source.descriptor, FIONREAD, &count) < 0 || count <= 0) {
    fail(the, tcp);
    return;
  }
  /* Told once; reading asks for the next call. */
  tcp->source.wanted &= (short)~POLLIN;
  berth_call_number(the, &tcp->on_readable, count);
}

static void ready(xsMachine *the, berth_source *source, short events)
{
  tcp_socket *tcp = (tcp_socket *)source;
  const bool trouble = (events & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  if ((events & POLLOUT) || (trouble && !tcp->connected)) become_writable(the, tcp);
  if (source->removed || tcp->failed) return;
  if ((events & POLLIN) || (trouble && tcp->connected)) become_readable(the, tcp);
}

/* Takes an address of IPv4 or IPv6 as text, with its zone where it has one. */
static int start_connecting(const char *address, int port)
{
  char service[6];
  snprintf(service, sizeof service, "%d", port);
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo *target = NULL;
  if (getaddrinfo(address, service, &hints, &target) != 0) return -1;
  int descriptor = socket(target->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (descriptor >= 0) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (descriptor >= 0 && connect(descriptor, target->ai_addr, target->ai_addrlen) < 0 && errno != EINPROGRESS) {
    close(descriptor);
    descriptor = -1;
  }
  freeaddrinfo(target);
  return descriptor;
}

/* new Tcp(address, port, room, onReadable, onWritable, onError) */
void xs_berth_tcp(xsMachine *the)
{
  BERTH_CONSTRUCT(xs_berth_tcp_destructor);
  char address[INET6_ADDRSTRLEN + IF_NAMESIZE];
  xsmcToStringBuffer(xsArg(0), address, sizeof address);
  const xsIntegerValue port = xsmcToInteger(xsArg(1));
  const xsIntegerValue room = xsmcToInteger(xsArg(2));
  if (port < 1 || port > 65535 || room < 1) xsRangeError("no such port or room");
  tcp_socket *tcp = calloc(1, sizeof *tcp);
  if (tcp == NULL || !berth_queue_open(&tcp->output, (size_t)room)) {
    free(tcp);
    xsUnknownError("out of memory");
  }
  tcp->source.descriptor = start_connecting(address, port);
  if (tcp->source.descriptor < 0) {
    berth_queue_close(&tcp->output);
    free(tcp);
    xsUnknownError("cannot connect to %s", address);
  }
  tcp->source.wanted = POLLOUT;
  tcp->source.ready = ready;
  tcp->the = the;
  xsmcSetHostData(xsThis, tcp);
  tcp->self = xsThis;
  tcp->on_readable = xsArg(3);
  tcp->on_writable = xsArg(4);
  tcp->on_error = xsArg(5);
  xsRemember(tcp->self);
  xsRemember(tcp->on_readable);
  xsRemember(tcp->on_writable);
  xsRemember(tcp->on_error);
  berth_loop_add(&tcp->source);
}

/* read(target): how many bytes were put at its start */
void xs_berth_tcp_read(xsMachine *the)
{
  tcp_socket *tcp = BERTH_DATA(xs_berth_tcp_destructor);
  const berth_view target = berth_view_of(the, &xsArg(0), true);
  ssize_t count = tcp->failed ? 0 : recv(tcp->source.descriptor, target.bytes, target.length, 0);
  if (count < 0) count = 0;
  if (!tcp->failed) tcp->source.wanted |= POLLIN;
  xsmcSetInteger(xsResult, (xsIntegerValue)count);
}

/* write(bytes): the room left. @throws before the connection is up, and when they do not fit */
void xs_berth_tcp_write(xsMachine *the)
{
  tcp_socket *tcp = BERTH_DATA(xs_berth_tcp_destructor);
  const berth_view bytes = berth_view_of(the, &xsArg(0), false);
  if (tcp->failed) return;
  if (!tcp->connected || bytes.length > berth_queue_room(&tcp->output)) xsUnknownError("no room");
  berth_queue_put(&tcp->output, bytes.bytes, bytes.length);
  /* A broken connection is told by poll. */
  if (!flush(tcp)) tcp->source.wanted |= POLLIN;
  xsmcSetInteger(xsResult, (xsIntegerValue)berth_queue_room(&tcp->output));
}

/* Bytes that were not read would make the kernel reset the connection, and what was written last would be lost. */
static void discard_input(int descriptor)
{
  char bytes[4096];
  for (int i = 0; i < 64 && recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT) > 0; i++) continue;
}

void xs_berth_tcp_close(xsMachine *the)
{
  tcp_socket *tcp = xsmcGetHostDataValidate(xsThis, (void *)xs_berth_tcp_destructor);
  if (tcp == NULL) return;
  xsmcSetHostData(xsThis, NULL);
  xsForget(tcp->self);
  xsForget(tcp->on_readable);
  xsForget(tcp->on_writable);
  xsForget(tcp->on_error);
  if (!tcp->failed) discard_input(tcp->source.descriptor);
  release(tcp);
}
