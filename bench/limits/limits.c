/*
 * What the machine can do at most: multiplications and additions a second in registers, and bytes a second of a copy
 * and of a read. Each function runs once on some threads and gives the sum of their rates.
 * cc -O2 -march=native -ffp-contract=fast -shared -fPIC -pthread limits.c
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AVX512F__)
enum { vector_bytes = 64, chains = 16 };
#elif defined(__AVX__)
enum { vector_bytes = 32, chains = 12 };
#else
enum { vector_bytes = 16, chains = 12 };
#endif
enum { most_threads = 256 };

typedef float vector __attribute__((vector_size(vector_bytes)));
enum { lanes = vector_bytes / 4 };

typedef struct job {
  double (*work)(const struct job *);
  int number, threads;
  atomic_int *ready;
  char *to;
  const char *from;
  int64_t size; /* turns, or bytes of the thread's part */
  double rate;
} job;

static volatile float sink;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Independent chains of x = x * a + b. */
static double multiply_add(const job *j) {
  vector x[chains], a, b;
  for (int i = 0; i < lanes; i++) a[i] = 0.9999f, b[i] = 1e-4f;
  for (int c = 0; c < chains; c++) x[c] = a * (float)c;
  double start = now();
  for (int64_t turn = 0; turn < j->size; turn++) {
#pragma GCC unroll 16
    for (int c = 0; c < chains; c++) x[c] = x[c] * a + b;
  }
  double seconds = now() - start;
  for (int c = 1; c < chains; c++) x[0] += x[c];
  sink += x[0][0];
  return 2.0 * (double)j->size * chains * lanes / seconds;
}

static double copy(const job *j) {
  double start = now();
  memcpy(j->to, j->from, (size_t)j->size);
  return 2.0 * (double)j->size / (now() - start);
}

static double read_all(const job *j) {
  const vector *from = (const vector *)j->from;
  vector sum[8] = {{0}};
  int64_t n = j->size / (int64_t)sizeof(vector) / 8 * 8;
  double start = now();
  for (int64_t i = 0; i < n; i += 8) {
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) sum[c] += from[i + c];
  }
  double seconds = now() - start;
  for (int c = 1; c < 8; c++) sum[0] += sum[c];
  sink += sum[0][0];
  return (double)n * sizeof(vector) / seconds;
}

static void *run_job(void *argument) {
  job *j = argument;
#ifdef __linux__
  /* Each thread on a core of its own: the scheduler may leave two busy ones on one. */
  cpu_set_t own, all;
  int left = j->number;
  if (sched_getaffinity(0, sizeof all, &all) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
      if (!CPU_ISSET(cpu, &all) || left-- > 0) continue;
      CPU_ZERO(&own);
      CPU_SET(cpu, &own);
      sched_setaffinity(0, sizeof own, &own);
      break;
    }
  }
#endif
  atomic_fetch_add(j->ready, 1);
  while (atomic_load(j->ready) < j->threads) {
  }
  j->rate = j->work(j);
  return NULL;
}

static double run(int threads, job form) {
  job jobs[most_threads];
  pthread_t ids[most_threads];
  atomic_int ready = 0;
  int made = 0;
  double sum = 0;
  if (threads < 1 || threads > most_threads) return 0;
  for (int i = 0; i < threads; i++) {
    jobs[i] = form;
    jobs[i].number = i;
    jobs[i].threads = threads;
    jobs[i].ready = &ready;
    if (form.from != NULL) {
      jobs[i].from = form.from + i * form.size;
      jobs[i].to = form.to + i * form.size;
    }
    if (pthread_create(&ids[i], NULL, run_job, &jobs[i]) != 0) break;
    made++;
  }
  atomic_fetch_add(&ready, threads - made);
  for (int i = 0; i < made; i++) {
    pthread_join(ids[i], NULL);
    sum += jobs[i].rate;
  }
  return sum;
}

/* Operations a second. */
double multiply_add_rate(int threads, int64_t turns) {
  return run(threads, (job){.work = multiply_add, .size = turns});
}

static char *from_buffer, *to_buffer;
static int64_t buffer_bytes;

static int reserve(int64_t bytes) {
  if (bytes <= buffer_bytes) return 1;
  free(from_buffer);
  free(to_buffer);
  from_buffer = aligned_alloc(4096, (size_t)bytes);
  to_buffer = aligned_alloc(4096, (size_t)bytes);
  buffer_bytes = from_buffer != NULL && to_buffer != NULL ? bytes : 0;
  if (buffer_bytes == 0) return 0;
  memset(from_buffer, 0, (size_t)bytes);
  memset(to_buffer, 0, (size_t)bytes);
  return 1;
}

static double run_memory(int threads, int64_t bytes, double (*work)(const job *)) {
  if (!reserve((bytes + 4095) / 4096 * 4096)) return 0;
  int64_t part = bytes / threads / 4096 * 4096;
  return run(threads, (job){.work = work, .from = from_buffer, .to = to_buffer, .size = part});
}

/* Bytes read and written a second, while that many bytes are copied. */
double copy_rate(int threads, int64_t bytes) { return run_memory(threads, bytes, copy); }

/* Bytes read a second. */
double read_rate(int threads, int64_t bytes) { return run_memory(threads, bytes, read_all); }
