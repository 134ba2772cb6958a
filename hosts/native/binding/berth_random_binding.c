// SPDX-License-Identifier: MIT
#include "berth_xs_binding.h"

#include "berth_random.h"
#include "berth_random_binding.h"

/* fillRandom(target): fills all of it */
void xs_berth_fill_random(xsMachine *the)
{
  const berth_view target = berth_view_of(the, &xsArg(0), true);
  if (target.length > BERTH_MOST_RANDOM) BERTH_THROW(BERTH_WRONG_ARGUMENT, "%d random bytes at most", BERTH_MOST_RANDOM);
  if (!berth_random_fill(target.bytes, target.length)) xsUnknownError("no random numbers");
}
