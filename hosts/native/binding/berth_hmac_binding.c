// SPDX-License-Identifier: MIT
/* HMAC-SHA256 as the host objects Hmac and EfuseHmac; what they offer is declared in natives.ts. */
#include "berth_xs_binding.h"

#include <stdlib.h>

#include "berth_efuse_hmac.h"
#include "berth_hmac.h"
#include "berth_hmac_binding.h"

void xs_berth_hmac_destructor(void *data)
{
  berth_hmac_free(data);
}

void xs_berth_efuse_hmac_destructor(void *data)
{
  free(data);
}

/* new Hmac(key) */
void xs_berth_hmac(xsMachine *the)
{
  BERTH_CONSTRUCT(xs_berth_hmac_destructor);
  const berth_view key = berth_view_of(the, &xsArg(0), false);
  berth_hmac *hmac = berth_hmac_new(key.bytes, key.length);
  if (hmac == NULL && key.length == 0) BERTH_THROW(BERTH_WRONG_ARGUMENT, "no key");
  if (hmac == NULL) BERTH_THROW(BERTH_NO_MEMORY, "HMAC");
  xsmcSetHostData(xsThis, hmac);
}

/* sign(message, code): fills the 32 bytes of `code` */
void xs_berth_hmac_sign(xsMachine *the)
{
  berth_hmac *hmac = BERTH_DATA(xs_berth_hmac_destructor);
  const berth_view message = berth_view_of(the, &xsArg(0), false);
  const berth_view code = berth_view_of(the, &xsArg(1), true);
  if (code.length != BERTH_HMAC_LENGTH) xsRangeError("the code has 32 bytes");
  if (!berth_hmac_sign(hmac, message.bytes, message.length, code.bytes)) BERTH_THROW(BERTH_NO_MEMORY, "HMAC");
}

void xs_berth_hmac_close(xsMachine *the)
{
  berth_hmac *hmac = xsmcGetHostDataValidate(xsThis, (void *)xs_berth_hmac_destructor);
  xsmcSetHostData(xsThis, NULL);
  berth_hmac_free(hmac);
}

/* new EfuseHmac(block) */
void xs_berth_efuse_hmac(xsMachine *the)
{
  BERTH_CONSTRUCT(xs_berth_efuse_hmac_destructor);
  if (!berth_efuse_hmac_present()) BERTH_THROW(BERTH_WRONG_ARGUMENT, "this chip has no HMAC peripheral");
  int *block = malloc(sizeof *block);
  if (block == NULL) BERTH_THROW(BERTH_NO_MEMORY, "HMAC");
  xsmcSetHostData(xsThis, block);
  *block = (int)xsmcToInteger(xsArg(0));
}

/* As Hmac's. @throws when the block holds no key for HMAC */
void xs_berth_efuse_hmac_sign(xsMachine *the)
{
  const int *block = BERTH_DATA(xs_berth_efuse_hmac_destructor);
  const berth_view message = berth_view_of(the, &xsArg(0), false);
  const berth_view code = berth_view_of(the, &xsArg(1), true);
  if (code.length != BERTH_HMAC_LENGTH) xsRangeError("the code has 32 bytes");
  if (!berth_efuse_hmac_sign(*block, message.bytes, message.length, code.bytes))
    BERTH_THROW(BERTH_WRONG_ARGUMENT, "eFuse block KEY%d holds no key with purpose HMAC_UP", *block);
}
