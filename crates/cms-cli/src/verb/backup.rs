//! `backup`: the log in one file, made while others work, and checked.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, IsTerminal, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};
use cms::{Backup, BackupOptions, BackupSource, Since, Store, verify_backups};
use serde_json::{Value as JsonValue, json};

use super::Verb;
use crate::arguments::{Help, help};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json::Json;
use crate::progress::Progress;
use crate::session::Session;
use crate::text::{msg, text};
use crate::when::{self, When};

pub(super) const VERB: Verb =
    Verb { name: "backup", aliases: &[], uci: false, hidden: false, arguments, run };

/// What stands for stdin or stdout.
pub(super) const STREAM: &str = "-";

/// How often a whole backup is begun where the log gives up old states faster than it can be written.
const TRIES: usize = 4;

/// Files are read and written in pieces of this length.
const PIECE: usize = 1 << 20;

fn arguments(command: Command, help: Help) -> Command {
    command
        .arg(
            Arg::new("backups")
                .value_name("FILE")
                .required(true)
                .num_args(1..)
                .value_parser(clap::value_parser!(OsString))
                .help(help!("backup-file", help)),
        )
        .arg(
            Arg::new("since")
                .long("since")
                .value_name("REV|FILE")
                .value_parser(clap::value_parser!(OsString))
                .help(help!("backup-since", help)),
        )
        .arg(Arg::new("verify").long("verify").action(ArgAction::SetTrue).help(help!("backup-verify", help)))
}

fn run(matches: &ArgMatches, session: &mut Session) -> Result<Exit, Failure> {
    let files: Vec<&OsString> = matches.get_many("backups").into_iter().flatten().collect();
    let since = matches.get_one::<OsString>("since");
    if matches.get_flag("verify") {
        if since.is_some() {
            return Err(Failure::usage(msg!("not-together", name = "--since", other = "--verify")));
        }
        let backups = verify(&files, session)?;
        return report("backup-sound", &backups, &files, session);
    }
    let [file] = files[..] else {
        return Err(Failure::usage(msg!("backup-one-file")).hint(msg!("backup-one-file-hint")));
    };
    let to_stdout = file == STREAM;
    if to_stdout && session.globals.json {
        return Err(Failure::usage(msg!("not-together", name = "--json", other = STREAM)));
    }
    if to_stdout && io::stdout().is_terminal() {
        return Err(Failure::usage(msg!("backup-terminal")).hint(msg!("backup-terminal-hint")));
    }
    let name = file.to_string_lossy().into_owned();
    let options = BackupOptions { name, since: since.map(|since| read_since(since, session)).transpose()? };
    let store = session.store()?;
    let mut progress = Progress::new(text("progress-backup"), &session.output);
    let step = &mut |done, total| progress.step(done, total);
    let written = if to_stdout {
        store.backup(session.output.writer(), &options, step).map_err(Failed::Making)
    } else {
        write(Path::new(file), &store, &options, step)
    };
    drop(progress);
    let backup = written.map_err(|failed| failed.explain(&options))?;
    report("backup-done", &[backup], &[file], session)
}

/// What `--since` means: a revision, or the backup that ends with it.
fn read_since(typed: &OsString, session: &mut Session) -> Result<Since, Failure> {
    if let Some(words) = typed.to_str().filter(|words| When::parse(words).is_some()) {
        return Ok(Since::Revision(session.revision(words)?));
    }
    let mut backups = verify(&[typed], session)?;
    match backups.pop() {
        Some(backup) => Ok(Since::Backup { name: typed.to_string_lossy().into_owned(), backup }),
        None => Err(Failure::usage(msg!("backup-one-file"))),
    }
}

fn verify(files: &[&OsString], session: &mut Session) -> Result<Vec<Backup>, Failure> {
    let progress = Progress::new(text("progress-verify"), &session.output);
    read_files(files, progress, |sources, step| Ok(verify_backups(sources, step)?))
}

/// Opens backups to read, and shows how far the reading has come.
pub(super) fn read_files<T>(
    files: &[&OsString],
    mut progress: Progress,
    work: impl FnOnce(&mut [BackupSource<'_>], &mut dyn FnMut(u64)) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut readers: Vec<(String, Box<dyn io::Read>)> = Vec::new();
    let mut total = 0;
    for file in files {
        if **file == *STREAM {
            readers.push(("stdin".to_owned(), Box::new(io::stdin().lock())));
            continue;
        }
        let path = Path::new(file);
        let failed = |error| Failure::file(path, &error);
        let opened = File::open(path).map_err(failed)?;
        let meta = opened.metadata().map_err(failed)?;
        if meta.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        total += meta.len();
        readers.push((path.display().to_string(), Box::new(BufReader::with_capacity(PIECE, opened))));
    }
    let mut sources: Vec<BackupSource<'_>> = readers
        .iter_mut()
        .map(|(name, reader)| BackupSource { name: name.clone(), reader: &mut **reader })
        .collect();
    let (mut before, mut last) = (0, 0);
    work(&mut sources, &mut |done| {
        if done < last {
            before += last;
        }
        last = done;
        progress.step(before + done, total);
    })
}

/// Why there is no backup.
enum Failed {
    /// It could not be made, or is not sound.
    Making(cms::Error),
    /// Its file cannot be written.
    File(Failure),
}

impl From<cms::Error> for Failed {
    fn from(error: cms::Error) -> Failed {
        Failed::Making(error)
    }
}

impl Failed {
    /// Whether the log gave up meanwhile what a whole backup was to hold.
    fn is_overtaken(&self, options: &BackupOptions) -> bool {
        options.since.is_none() && matches!(self, Failed::Making(error) if error.first_kept().is_some())
    }

    fn explain(self, options: &BackupOptions) -> Failure {
        match self {
            Failed::File(failure) => failure,
            Failed::Making(error) if error.first_kept().is_none() => error.into(),
            Failed::Making(error) if options.since.is_none() => {
                Failure::from(error).hint(msg!("backup-overtaken-hint"))
            }
            Failed::Making(error) => Failure::from(error).hint(msg!("backup-base-gone-hint")),
        }
    }
}

/// Writes a backup beside its file, checks it, and puts it in place: there is the old file, or the new one.
fn write(
    path: &Path,
    store: &Store,
    options: &BackupOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Backup, Failed> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let failed = |error| Failed::File(Failure::file(&target, &error));
    if fs::metadata(&target).is_ok_and(|meta| !meta.is_file()) {
        // A pipe or a tape has no place beside it; what is no file to write to says so.
        let file = OpenOptions::new().write(true).open(&target).map_err(failed)?;
        return Ok(store.backup(&mut BufWriter::with_capacity(PIECE, file), options, progress)?);
    }
    let temporary = Temporary::new(&target).map_err(failed)?;
    temporary.begin_again().map_err(failed)?;
    let mut tries = 0..TRIES;
    let written = loop {
        tries.next();
        let mut out = BufWriter::with_capacity(PIECE, &temporary.file);
        match store.backup(&mut out, options, progress).map_err(Failed::Making) {
            Ok(written) => {
                out.flush().map_err(failed)?;
                break written;
            }
            // What could not be held as long as the writing took has gone; what is left is to be backed up.
            Err(error) if error.is_overtaken(options) && !tries.is_empty() => {
                // What it holds back would come before the next one.
                let _ = out.into_parts();
                temporary.begin_again().map_err(failed)?;
            }
            Err(error) => return Err(error),
        }
    };
    temporary.file.sync_all().map_err(failed)?;
    // What comes back is what was written, or the disk is no place for it.
    let mut file = &temporary.file;
    file.rewind().map_err(failed)?;
    let mut reader = BufReader::with_capacity(PIECE, file);
    let source = BackupSource { name: options.name.clone(), reader: &mut reader };
    verify_backups(&mut [source], &mut |_| {})?;
    temporary.put_in_place(&target).map_err(failed)?;
    Ok(written)
}

/// A hidden file beside the one that it will replace, removed unless it does.
struct Temporary {
    path: PathBuf,
    folder: PathBuf,
    file: File,
    is_in_place: std::cell::Cell<bool>,
}

impl Temporary {
    fn new(target: &Path) -> io::Result<Temporary> {
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let name = target.file_name().ok_or(io::ErrorKind::IsADirectory)?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(OsStr::new(".cms~"));
        let path = folder.join(hidden);
        // It holds every value that ever was, secrets included.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(&path)?;
        // One that a crash left behind is taken over, one that is being written is not.
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::ResourceBusy.into(),
            TryLockError::Error(error) => error,
        })?;
        Ok(Temporary { path, folder, file, is_in_place: std::cell::Cell::new(false) })
    }

    fn begin_again(&self) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).rewind()
    }

    fn put_in_place(&self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.is_in_place.set(true);
        File::open(&self.folder)?.sync_all()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_in_place.get() {
            // What stays behind the next backup takes over.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Says what the backups are.
fn report(
    id: &'static str,
    backups: &[Backup],
    files: &[&OsString],
    session: &mut Session,
) -> Result<Exit, Failure> {
    if session.globals.json {
        let answers: Vec<JsonValue> =
            backups.iter().zip(files).map(|(backup, file)| to_json(backup, file)).collect();
        session.output.line(Json::answer("backup", json!({ "backups": answers })).to_string())?;
        return Ok(Exit::Ok);
    }
    for (backup, file) in backups.iter().zip(files) {
        let (header, counts) = (&backup.header, &backup.counts);
        let message = crate::text::Message::new(id)
            .with("file", file.to_string_lossy().into_owned())
            .with("last", header.last.0.to_string())
            .with("after", header.after().0.to_string())
            .with("commits", usize::try_from(counts.commits).unwrap_or(usize::MAX))
            .with("bytes", counts.bytes.to_string())
            .with("place", header.place.clone())
            .with("time", when::local(header.time_us));
        session.output.say(&message);
    }
    Ok(Exit::Ok)
}

fn to_json(backup: &Backup, file: &OsString) -> JsonValue {
    let (header, counts) = (&backup.header, &backup.counts);
    let store: String = header.store.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "file": file.to_string_lossy(),
        "store": store,
        "place": header.place,
        "time": when::rfc3339(header.time_us),
        "incremental": header.incremental,
        "first": header.first.0,
        "last": header.last.0,
        "commits": counts.commits,
        "objects": counts.objects,
        "bytes": counts.bytes,
    })
}
