//! `diwan suggest --stdio`: a study that another program drives, a line of JSON a request.

mod parameters;
mod reply;
mod request;
mod session;
mod stops;

use std::io::{BufRead as _, Write, stdin, stdout};
use std::time::Duration;

use serde::Serialize;

use self::reply::Reply;
use self::request::Request;
use self::session::Session;
use crate::Exit;
use crate::clock::cpu_time;
use crate::failure::Failure;

/// What the program on the other side needs to know.
pub(super) const PROTOCOL: &str = r#"With --stdio, one study is driven by another program. Each line of standard input is a request, each gets one line:

  {"op":"new","space":[…],"direction":"minimize","seed":1,"algorithm":"random","settings":{}}
      begins a study. A parameter of the space is {"name":"lr","type":"float","low":1e-5,"high":0.1,"log":true},
      one of type "int", or {"name":"kind","type":"categorical","choices":["a","b"]}; with
      "condition":{"parent":"kind","values":["a"]} it has an effect, and a value, only then.
      Without "algorithm" it is auto. Optional: "parallel", how many trials run at once, "max_trials", how many there will be, and "objectives", which is 1.
      -> {"ok":true,"version":"diwan …"}
  {"op":"ask","n":1}
      -> {"trials":[{"id":0,"params":{"lr":0.01}}]}; fewer than n come with "state": "waiting" or "exhausted".
      A trial has "labels" if the algorithm wants to find them again on it.
  {"op":"tell","id":0,"values":[0.5]}
      ends a trial. One that failed says "values":null or "state":"failed"; one whose end tells nothing about its
      parameters (its machine was lost) says "state":"killed".
      -> {"ok":true}
  {"op":"observe","trials":[{"params":{"lr":0.02},"values":[0.4]}]}
      adds trials that were not asked for here -> {"ok":true}. They count as suggested: a new process with the same seed
      that is told of all trials goes on where the old one was. With the "id" and "labels" that each had there, it
      answers as the old one would have; cmaes, hyperband, asha, bohb and auto need the labels. Optional: "state", as above,
      or "pruned", or "running" for one that will be told here, which needs its "id"; "reports":[[1,0.7],[2,0.5]], what
      it has reported at which steps, for stopping rules, bohb and auto. Without an "id" it gets the next one.
  {"op":"report","id":0,"step":1,"value":0.7}
      tells what a trial has reached while it runs -> {"stop":false}, or {"stop":true,"why":"…"} if a stopping rule says so.
      The setting "early_stopping" names it, "percentile" or {"algorithm":"asha","settings":{"eta":3}}, or says "none";
      without it, the rule of the algorithm holds, or "asha" if that has none.
  {"op":"prune","id":0,"step":1,"value":0.7}
      ends a trial that was stopped at that step -> {"ok":true}
  {"op":"close"}
      -> {"ok":true}

Every reply has "cpu", the seconds of processor time that it took. A request that cannot be served, or has a field
that is not told here, gets {"error":"…"}, and the next one is read. A line of nothing but blanks is no request and gets no reply. NaN and Infinity, as Python writes them, are taken for null: no value."#;

/// A reply as it is written.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    reply: &'a Reply,
    cpu: f64,
}

/// Answers requests until standard input ends or one closes the study.
pub(super) fn run() -> Result<Exit, Failure> {
    let (mut input, mut output) = (stdin().lock(), stdout().lock());
    let mut session = Session::default();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            let begun = cpu_time();
            let request = Request::read(&line);
            let closes = matches!(request, Ok(Request::Close {}));
            let reply = match request {
                Ok(request) => session.answer(request).unwrap_or_else(Reply::error),
                Err(error) => Reply::error(error),
            };
            let cpu = cpu_time().saturating_sub(begun);
            write(&mut output, &reply, cpu)?;
            if closes {
                break;
            }
        }
        line.clear();
    }
    Ok(Exit::Done)
}

/// In one piece: the reader waits for it.
fn write(output: &mut impl Write, reply: &Reply, cpu: Duration) -> Result<(), Failure> {
    let cpu = cpu.as_secs_f64();
    let mut text = serde_json::to_vec(&Line { reply, cpu })?;
    text.push(b'\n');
    output.write_all(&text)?;
    Ok(output.flush()?)
}
