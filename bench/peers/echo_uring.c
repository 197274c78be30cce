// An echo server on io_uring: one multishot accept, one multishot receive a connection into a ring
// of provided buffers, and whatever is to be sent after a batch of completions handed over by the
// same system call that waits for the next batch. What completions cost a server that does as
// little as a server can, beside echo.c, which waits for readiness. Plain system calls: liburing is
// not needed.
//
//   echo_uring          serves: prints its port, and answers lines as the other arms do
//   echo_uring probe    says whether the kernel lets it: exits with 0, or with a reason on stderr
//
// Invariants: 1. A buffer is the kernel's, or it is in the queue of one connection.
//             2. A connection has one receive under way, or is out of buffers, or has ended.
//             3. A connection has at most one send under way: the first `sending` of its buffers.
//             4. It is freed when it has ended and sends nothing; nothing names it then.
// A client that does not read may come to hold all the buffers; load.c reads.
//
// Linux 6.1 or newer, for DEFER_TASKRUN.

#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "serve.h"

#ifndef IORING_SETUP_DEFER_TASKRUN
#error "the headers of this system know no DEFER_TASKRUN: Linux 6.1 has it"
#endif

// Fewer buffers run out at a hundred connections; smaller or more of them cost messages of 100 KiB
// more, as their memory is never in the cache twice. Tried from 16 KiB x 1,024 to 128 KiB x 4.
enum {
  kSubmissions = 4096,
  kCompletions = 16384,
  kBuffers = 128,
  kBufferBytes = 64 * 1024,
  kNoBuffer = kBuffers,
  kSlicesMax = 16,
};

// What a completion is of; in the low bits of its user_data, below the address of the connection.
enum Kind { kAccepted, kReceived, kSent, kAsked };
static const uint64_t kKindMask = 7;

// A part of what a connection has to send, in the buffer it was received in.
struct Chunk {
  uint32_t bytes;
  uint16_t next;
};

struct Connection {
  int fd;
  uint8_t has_ended;
  uint8_t is_listed;
  uint16_t sending;
  uint16_t first;
  uint16_t last;
  struct Connection* next_to_send;
  struct Connection* next_starved;
  struct msghdr message;
  struct iovec slices[kSlicesMax];
};

struct SubmissionQueue {
  unsigned* tail;
  unsigned mask;
  unsigned filled;
  unsigned submitted;
  struct io_uring_sqe* entries;
};

struct CompletionQueue {
  unsigned* head;
  unsigned* tail;
  unsigned mask;
  struct io_uring_cqe* entries;
};

static int ring_fd;
static struct SubmissionQueue submissions;
static struct CompletionQueue completions;
static struct io_uring_buf_ring* free_buffers;
static uint16_t free_tail;
static int free_count;
static char* memory;
static struct Chunk chunks[kBuffers];
static struct Connection* to_send;
static struct Connection* starved;
static int listener;

static int Register(unsigned what, void* argument, unsigned count) {
  return (int)syscall(SYS_io_uring_register, ring_fd, what, argument, count);
}

static void* Map(size_t bytes, int fd, off_t offset) {
  const int kind = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE;
  void* address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, kind, fd, offset);
  if (address == MAP_FAILED) Fail("mmap");
  return address;
}

static void OpenRing(void) {
  struct io_uring_params ring = {
      .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
      .cq_entries = kCompletions,
  };
  ring_fd = (int)syscall(SYS_io_uring_setup, kSubmissions, &ring);
  if (ring_fd < 0) Fail("io_uring_setup");
  // One mapping holds both queues since Linux 5.4.
  const size_t submission_bytes = ring.sq_off.array + ring.sq_entries * sizeof(unsigned);
  const size_t completion_bytes =
      ring.cq_off.cqes + ring.cq_entries * sizeof(struct io_uring_cqe);
  char* queues = Map(submission_bytes > completion_bytes ? submission_bytes : completion_bytes,
                     ring_fd, IORING_OFF_SQ_RING);
  // Entries are used in their order: the array of indices never changes.
  unsigned* array = (unsigned*)(queues + ring.sq_off.array);
  for (unsigned i = 0; i < ring.sq_entries; i++) array[i] = i;
  submissions.tail = (unsigned*)(queues + ring.sq_off.tail);
  submissions.mask = ring.sq_entries - 1;
  submissions.entries =
      Map(ring.sq_entries * sizeof(struct io_uring_sqe), ring_fd, IORING_OFF_SQES);
  completions.head = (unsigned*)(queues + ring.cq_off.head);
  completions.tail = (unsigned*)(queues + ring.cq_off.tail);
  completions.mask = ring.cq_entries - 1;
  completions.entries = (struct io_uring_cqe*)(queues + ring.cq_off.cqes);
}

static void Free(uint16_t buffer) {
  struct io_uring_buf* entry = &free_buffers->bufs[free_tail++ & (kBuffers - 1)];
  entry->addr = (uintptr_t)(memory + (size_t)buffer * kBufferBytes);
  entry->len = kBufferBytes;
  entry->bid = buffer;
  free_count++;
}

static void PublishFreeBuffers(void) {
  __atomic_store_n(&free_buffers->tail, free_tail, __ATOMIC_RELEASE);
}

static void ProvideBuffers(void) {
  free_buffers = Map(kBuffers * sizeof(struct io_uring_buf), -1, 0);
  memory = Map((size_t)kBuffers * kBufferBytes, -1, 0);
  struct io_uring_buf_reg ring = {.ring_addr = (uintptr_t)free_buffers, .ring_entries = kBuffers};
  if (Register(IORING_REGISTER_PBUF_RING, &ring, 1) < 0) Fail("IORING_REGISTER_PBUF_RING");
  for (uint16_t buffer = 0; buffer < kBuffers; buffer++) Free(buffer);
  PublishFreeBuffers();
}

// Submits what was filled in, and waits until there are `wanted` completions.
static void Enter(unsigned wanted) {
  __atomic_store_n(submissions.tail, submissions.filled, __ATOMIC_RELEASE);
  const unsigned count = submissions.filled - submissions.submitted;
  const long taken = syscall(SYS_io_uring_enter, ring_fd, count, wanted, IORING_ENTER_GETEVENTS,
                             NULL, 0);
  if (taken >= 0) submissions.submitted += (unsigned)taken;
  // EBUSY: the completions want to be looked at first. What was not taken stays filled in.
  else if (errno != EINTR && errno != EBUSY && errno != EAGAIN) Fail("io_uring_enter");
}

static struct io_uring_sqe* Fill(uint8_t operation, int fd, enum Kind kind, const void* of) {
  while (submissions.filled - submissions.submitted > submissions.mask) Enter(0);
  struct io_uring_sqe* entry = &submissions.entries[submissions.filled++ & submissions.mask];
  memset(entry, 0, sizeof *entry);
  entry->opcode = operation;
  entry->fd = fd;
  entry->user_data = (uintptr_t)of | kind;
  return entry;
}

static void Accept(void) {
  struct io_uring_sqe* entry = Fill(IORING_OP_ACCEPT, listener, kAccepted, NULL);
  entry->ioprio = IORING_ACCEPT_MULTISHOT;
  entry->accept_flags = SOCK_CLOEXEC;
}

static void Ask(void) {
  Fill(IORING_OP_POLL_ADD, STDIN_FILENO, kAsked, NULL)->poll32_events = POLLIN;
}

static void Receive(struct Connection* connection) {
  struct io_uring_sqe* entry = Fill(IORING_OP_RECV, connection->fd, kReceived, connection);
  entry->ioprio = IORING_RECV_MULTISHOT;
  entry->flags = IOSQE_BUFFER_SELECT;
}

// Sends all that is queued, as far as the slices reach: in pieces, 100 KiB cost half as much again.
static void Send(struct Connection* connection) {
  struct iovec* slices = connection->slices;
  uint16_t count = 0;
  for (uint16_t i = connection->first; i != kNoBuffer && count < kSlicesMax; i = chunks[i].next)
    slices[count++] = (struct iovec){memory + (size_t)i * kBufferBytes, chunks[i].bytes};
  connection->message = (struct msghdr){.msg_iov = slices, .msg_iovlen = count};
  const int is_one = count == 1;
  const uint8_t operation = is_one ? IORING_OP_SEND : IORING_OP_SENDMSG;
  struct io_uring_sqe* entry = Fill(operation, connection->fd, kSent, connection);
  entry->addr = is_one ? (uintptr_t)slices[0].iov_base : (uintptr_t)&connection->message;
  entry->len = is_one ? (uint32_t)slices[0].iov_len : 1;
  // The kernel goes on by itself with what a full socket did not take.
  entry->msg_flags = MSG_NOSIGNAL | MSG_WAITALL;
  connection->sending = count;
}

// Has it sent to, or closed, when the batch has been looked through.
static void List(struct Connection* connection) {
  if (connection->is_listed) return;
  connection->is_listed = 1;
  connection->next_to_send = to_send;
  to_send = connection;
}

static void SendToListed(void) {
  while (to_send != NULL) {
    struct Connection* connection = to_send;
    to_send = connection->next_to_send;
    connection->is_listed = 0;
    if (connection->sending > 0) continue;
    if (connection->first != kNoBuffer) {
      Send(connection);
    } else if (connection->has_ended) {
      close(connection->fd);
      free(connection);
    }
  }
}

// Those that found no buffer receive again as soon as there are some.
static void ReceiveForStarved(void) {
  while (starved != NULL && free_count > 0) {
    struct Connection* connection = starved;
    starved = connection->next_starved;
    Receive(connection);
  }
}

static void OnAccepted(int fd, uint32_t flags) {
  if (fd < 0) {
    errno = -fd;
    Fail("accept");
  }
  struct Connection* connection = calloc(1, sizeof *connection);
  if (connection == NULL) Fail("no memory");
  connection->fd = fd;
  connection->first = connection->last = kNoBuffer;
  Receive(connection);
  if (!(flags & IORING_CQE_F_MORE)) Accept();
}

static void Queue(struct Connection* connection, uint16_t buffer, uint32_t bytes) {
  free_count--;
  chunks[buffer] = (struct Chunk){.bytes = bytes, .next = kNoBuffer};
  if (connection->first == kNoBuffer) connection->first = buffer;
  else chunks[connection->last].next = buffer;
  connection->last = buffer;
  List(connection);
}

static void FreeFirst(struct Connection* connection) {
  const uint16_t buffer = connection->first;
  connection->first = chunks[buffer].next;
  Free(buffer);
}

static void OnReceived(struct Connection* connection, int result, uint32_t flags) {
  if (result > 0)
    Queue(connection, (uint16_t)(flags >> IORING_CQE_BUFFER_SHIFT), (uint32_t)result);
  if (flags & IORING_CQE_F_MORE) return;
  if (result > 0) {
    Receive(connection);
  } else if (result == -ENOBUFS) {
    connection->next_starved = starved;
    starved = connection;
  } else {
    connection->has_ended = 1;
    List(connection);
  }
}

static void OnSent(struct Connection* connection, int result) {
  for (; connection->sending > 0; connection->sending--) FreeFirst(connection);
  if (result < 0) {
    while (connection->first != kNoBuffer) FreeFirst(connection);
    // The receive then ends, and with it the connection.
    shutdown(connection->fd, SHUT_RDWR);
  }
  List(connection);
}

static void OnCompletion(const struct io_uring_cqe* completion) {
  void* of = (void*)(uintptr_t)(completion->user_data & ~kKindMask);
  switch ((enum Kind)(completion->user_data & kKindMask)) {
    case kAccepted: OnAccepted(completion->res, completion->flags); break;
    case kReceived: OnReceived(of, completion->res, completion->flags); break;
    case kSent: OnSent(of, completion->res); break;
    case kAsked:
      TellUsage();
      Ask();
      break;
  }
}

int main(int count, char** arguments) {
  OpenRing();
  ProvideBuffers();
  if (count > 1 && strcmp(arguments[1], "probe") == 0) return 0;
  setvbuf(stdin, NULL, _IONBF, 0);
  listener = Listen();
  Accept();
  Ask();
  for (;;) {
    Enter(1);
    unsigned head = *completions.head;
    const unsigned tail = __atomic_load_n(completions.tail, __ATOMIC_ACQUIRE);
    for (; head != tail; head++) OnCompletion(&completions.entries[head & completions.mask]);
    __atomic_store_n(completions.head, head, __ATOMIC_RELEASE);
    PublishFreeBuffers();
    SendToListed();
    ReceiveForStarved();
  }
}
