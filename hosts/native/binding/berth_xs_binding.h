// SPDX-License-Identifier: MIT
/*
 * The little that differs between the XS of the Moddable SDK and the one from npm, for the bindings. Both are used
 * by their public C interface only. Arguments have positions instead of names, so that no identifiers are needed.
 */
#ifndef BERTH_XS_BINDING_H
#define BERTH_XS_BINDING_H

#include "xsmc.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Begins a native constructor. The SDK's compiler has made the object already, from the class in moddable/; in the
 * Linux host (BERTH_LINUX) that is done here.
 */
#if defined(BERTH_LINUX)
#define BERTH_CONSTRUCT(destructor)                                                                                    \
  do {                                                                                                                 \
    xsmcGet(xsResult, xsTarget, xsID("prototype"));                                                                    \
    xsResult = xsNewHostInstance(xsResult);                                                                            \
    xsThis = xsResult;                                                                                                 \
    xsmcSetHostDestructor(xsThis, destructor);                                                                         \
  } while (0)
#else
#define BERTH_CONSTRUCT(destructor) (void)0
#endif

/* Two of berth_tls_code, for those without TLS. */
enum { BERTH_WRONG_ARGUMENT = 1, BERTH_NO_MEMORY = 2 };

/*
 * Throws what errors.ts reads: a berth_tls_code and a text. Anything else that comes out of a native is a fault of its
 * own, `internal`.
 */
#define BERTH_THROW(code, ...) BERTH_THROW_TEXT(code, __VA_ARGS__, 0)
#define BERTH_THROW_TEXT(code, format, ...) xsUnknownError("%d " format, (int)(code), __VA_ARGS__)

/* The native data of `this`, checked to be of the class with this destructor. @throws when it was closed */
#define BERTH_DATA(destructor) berth_open_data(the, xsmcGetHostDataValidate(xsThis, (void *)(destructor)))

static inline void *berth_open_data(xsMachine *the, void *data)
{
  if (data == NULL) xsUnknownError("closed");
  return data;
}

/* Bytes of an ArrayBuffer, a Uint8Array or a host buffer: good until XS allocates. @throws TypeError */
typedef struct {
  uint8_t *bytes;
  size_t length;
  /* They never move: a host buffer, which is flash. */
  bool fixed;
} berth_view;

static inline berth_view berth_view_of(xsMachine *the, xsSlot *slot, bool writable)
{
  void *bytes = NULL;
  xsUnsignedValue length = 0;
  const xsIntegerValue kind = _xsmcGetBuffer(the, slot, &bytes, &length, writable);
  return (berth_view){bytes, length, kind == xsBufferNonrelocatable};
}

#endif
