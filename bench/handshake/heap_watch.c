// SPDX-License-Identifier: MIT
/*
 * Counts what malloc and its kin hold, exactly, in a process that preloads this (LD_PRELOAD): for the C heap of
 * mbedTLS, which XS does not see. glibc only.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static atomic_size_t used;
static atomic_size_t most;

static void *add(void *block)
{
  if (block == NULL) return NULL;
  const size_t size = malloc_usable_size(block);
  const size_t now = atomic_fetch_add(&used, size) + size;
  size_t before = atomic_load(&most);
  while (now > before && !atomic_compare_exchange_weak(&most, &before, now)) {
  }
  return block;
}

static void take(void *block)
{
  if (block != NULL) atomic_fetch_sub(&used, malloc_usable_size(block));
}

void *malloc(size_t size)
{
  return add(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
  return add(__libc_calloc(count, size));
}

void *realloc(void *block, size_t size)
{
  const size_t before = block != NULL ? malloc_usable_size(block) : 0;
  void *moved = __libc_realloc(block, size);
  /* A size of 0 frees; otherwise NULL leaves the block as it was. */
  if (moved != NULL || size == 0) atomic_fetch_sub(&used, before);
  return add(moved);
}

void *memalign(size_t alignment, size_t size)
{
  return add(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
  return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
  *block = memalign(alignment, size);
  return *block != NULL ? 0 : ENOMEM;
}

void free(void *block)
{
  take(block);
  __libc_free(block);
}

/* 0: bytes in use; 1: the most so far; 2: sets the most to what is in use. */
size_t bench_allocated(int which)
{
  if (which == 2) atomic_store(&most, atomic_load(&used));
  return which == 1 ? atomic_load(&most) : atomic_load(&used);
}
