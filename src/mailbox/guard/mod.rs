//! A bounded stream in front of the IMAP parser.
//!
//! imap-proto recurses without bound on nested parentheses, is quadratic in long lines, panics on a few
//! inputs, and async-imap buffers up to 512 MiB. So the parser sees whole lines only, after this module has
//! seen them: short, with few parentheses, and with a literal only where the parser is sure to take it as
//! one. For if the two disagreed about where a literal ends, its bytes would reach the parser unseen.
//! Untagged answers that we never ask for are taken out.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

mod lines;

use lines::{Answer, Verdict};
pub(super) use lines::{Breach, Heard};

/// Bytes asked of the network at a time.
const CHUNK: usize = 16 * 1024;

/// What one command may bring in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// Largest literal (and sum of literals of one answer), in bytes.
    pub(super) literal: u64,
    /// Most bytes outside literals.
    pub(super) plain: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            literal: 0,
            plain: 4 * 1024 * 1024,
        }
    }
}

/// The guarded stream; writes pass through.
pub(super) struct Guard<S> {
    inner: S,
    /// Read from `inner`, not yet handed on.
    buffer: Vec<u8>,
    /// How much of `buffer` the parser may have.
    released: usize,
    /// How much of `buffer` was searched for a line end; never below `released`.
    searched: usize,
    /// Bytes of the current literal that are still to come.
    literal_left: u64,
    answer: Answer,
    silence: Duration,
    heard_at: Instant,
    alarm: Pin<Box<Sleep>>,
    bytes_read: u64,
}

impl<S> fmt::Debug for Guard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the buffer: it holds mails.
        f.debug_struct("Guard")
            .field("bytes_read", &self.bytes_read)
            .finish_non_exhaustive()
    }
}

impl<S> Guard<S> {
    /// Guards a stream; a read fails when nothing comes for `silence`.
    pub(super) fn new(inner: S, silence: Duration) -> Self {
        Self {
            inner,
            buffer: Vec::new(),
            released: 0,
            searched: 0,
            literal_left: 0,
            answer: Answer::default(),
            silence,
            heard_at: Instant::now(),
            alarm: Box::pin(tokio::time::sleep(silence)),
            bytes_read: 0,
        }
    }

    /// A new command: what it may bring, and the silence is counted anew.
    pub(super) fn begin(&mut self, allowance: Allowance) {
        self.answer.begin(allowance);
        self.heard_at = Instant::now();
    }

    /// The answer is read from now on: until now nobody listened.
    pub(super) fn listen(&mut self) {
        self.heard_at = Instant::now();
    }

    /// From now on a read fails when nothing comes for `silence`.
    pub(super) fn set_silence(&mut self, silence: Duration) {
        self.silence = silence;
        self.heard_at = Instant::now();
    }

    /// Bytes read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// What the status lines said.
    pub(super) fn heard(&self) -> &Heard {
        &self.answer.heard
    }

    /// The stream itself; what was read and not handed on is dropped.
    pub(super) fn into_inner(self) -> S {
        self.inner
    }

    fn hand_on(&mut self, out: &mut ReadBuf<'_>) {
        let n = self.released.min(out.remaining());
        if let Some(bytes) = self.buffer.get(..n) {
            out.put_slice(bytes);
            self.buffer.drain(..n);
        }
        self.released = self.released.saturating_sub(n);
        self.searched = self.searched.saturating_sub(n);
    }

    /// Looks at what is new in the buffer and releases what is harmless.
    fn scan(&mut self) -> Result<(), Breach> {
        loop {
            if self.literal_left > 0 {
                let unseen = self.buffer.len().saturating_sub(self.released);
                let n = usize::try_from(self.literal_left)
                    .unwrap_or(usize::MAX)
                    .min(unseen);
                self.took_of_literal(n);
                self.released = self.released.saturating_add(n);
                self.searched = self.released;
            }
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') else {
                self.searched = self.buffer.len();
                let pending = self.buffer.len().saturating_sub(self.released);
                return self.answer.fits(pending);
            };
            let end = self.searched.saturating_add(at).saturating_add(1);
            let line = self.buffer.get_mut(self.released..end).unwrap_or_default();
            match self.answer.line(line)? {
                Verdict::Pass { literal } => {
                    self.literal_left = literal;
                    self.released = end;
                }
                Verdict::Drop => {
                    self.buffer.drain(self.released..end);
                }
            }
            self.searched = self.released;
        }
    }

    fn took_of_literal(&mut self, n: usize) {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        self.literal_left = self.literal_left.saturating_sub(n);
    }

    fn has_read(&mut self, n: usize) {
        self.bytes_read = self
            .bytes_read
            .saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
        self.heard_at = Instant::now();
    }

    /// Fails once nothing has come for too long; to be called when the stream has nothing.
    fn check_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let until = self.heard_at.checked_add(self.silence).unwrap_or(self.heard_at);
            if Instant::now() >= until {
                return Poll::Ready(Err(Breach::Silent(self.silence).into()));
            }
            // The alarm is set anew when it has rung or would ring too late, not at each read.
            if self.alarm.deadline() > until {
                self.alarm.as_mut().reset(until);
            }
            ready!(self.alarm.as_mut().poll(cx));
            self.alarm.as_mut().reset(until);
        }
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Reads into `out`; `Ready` without a byte is the end of the stream.
    fn read_into(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = out.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, out) {
            Poll::Pending => self.check_silence(cx).map_ok(|()| 0),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                let n = out.filled().len().saturating_sub(before);
                self.has_read(n);
                Poll::Ready(Ok(n))
            }
        }
    }

    /// A literal goes straight to the parser's buffer.
    fn read_literal(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n = usize::try_from(self.literal_left)
            .unwrap_or(usize::MAX)
            .min(out.remaining());
        let mut part = ReadBuf::new(out.initialize_unfilled_to(n));
        let n = ready!(self.read_into(cx, &mut part))?;
        out.advance(n);
        self.took_of_literal(n);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.released > 0 {
                this.hand_on(out);
                return Poll::Ready(Ok(()));
            }
            if this.literal_left > 0 {
                return this.read_literal(cx, out);
            }
            let mut chunk = [0_u8; CHUNK];
            let mut chunk = ReadBuf::new(&mut chunk);
            if ready!(this.read_into(cx, &mut chunk))? == 0 {
                return Poll::Ready(Ok(()));
            }
            this.buffer.extend_from_slice(chunk.filled());
            this.scan()?;
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
