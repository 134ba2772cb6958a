// SPDX-License-Identifier: MIT
/* ECDSA on P-256 as functions; what they do is declared in natives.ts. */
#include "berth_xs_binding.h"

#include "berth_ec.h"
#include "berth_ec_binding.h"
#include "berth_memory.h"

/* Since berth_memory_watch: a key that cannot be used, a signature that is wrong, may be no more than that. */
static void throw_lack_of_memory(xsMachine *the)
{
  berth_lack lack = {0};
  berth_memory_note(&lack);
  if (lack.lacked) BERTH_THROW(BERTH_NO_MEMORY, "P-256");
}

/* ecGenerate(scalar, point): fills both */
void xs_berth_ec_generate(xsMachine *the)
{
  const berth_view scalar = berth_view_of(the, &xsArg(0), true);
  const berth_view point = berth_view_of(the, &xsArg(1), true);
  if (scalar.length != BERTH_EC_SCALAR || point.length != BERTH_EC_POINT) xsRangeError("32 and 65 bytes");
  if (!berth_ec_generate(scalar.bytes, point.bytes)) BERTH_THROW(BERTH_NO_MEMORY, "a key on P-256");
}

/* ecSign(scalar, message, signature): returns how many bytes of the 72 of `signature` it filled */
void xs_berth_ec_sign(xsMachine *the)
{
  const berth_view scalar = berth_view_of(the, &xsArg(0), false);
  const berth_view message = berth_view_of(the, &xsArg(1), false);
  const berth_view signature = berth_view_of(the, &xsArg(2), true);
  if (scalar.length != BERTH_EC_SCALAR || signature.length != BERTH_EC_SIGNATURE) xsRangeError("32 and 72 bytes");
  size_t length = 0;
  berth_memory_watch();
  if (!berth_ec_sign(scalar.bytes, message.bytes, message.length, signature.bytes, &length)) {
    throw_lack_of_memory(the);
    BERTH_THROW(BERTH_WRONG_ARGUMENT, "the private key on P-256 cannot be used");
  }
  xsmcSetInteger(xsResult, (xsIntegerValue)length);
}

/* ecVerify(point, message, signature): returns whether it holds */
void xs_berth_ec_verify(xsMachine *the)
{
  const berth_view point = berth_view_of(the, &xsArg(0), false);
  const berth_view message = berth_view_of(the, &xsArg(1), false);
  const berth_view signature = berth_view_of(the, &xsArg(2), false);
  berth_memory_watch();
  const bool holds =
    berth_ec_verify(point.bytes, point.length, message.bytes, message.length, signature.bytes, signature.length);
  if (!holds) throw_lack_of_memory(the);
  xsmcSetBoolean(xsResult, holds);
}
