//! A disk that refuses to be written where the test says so. A file system can't be made read-only while files on it are
//! open for writing, unless by a fault; so the fault is put between the program and the C library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is written below a folder, in the eyes of one program.
pub(crate) struct FaultyDisk {
    library: PathBuf,
    flag: PathBuf,
    below: PathBuf,
}

impl FaultyDisk {
    /// A disk that works, for what lies `below`; its own files are kept in `folder`.
    pub(crate) fn new(folder: &Path, below: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let library = folder.join("faulty_disk.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/faulty_disk.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library);
        let status = compiler.arg(source).arg("-ldl").status().unwrap();
        assert!(status.success(), "cc: {status}");
        Self {
            library,
            flag: folder.join("refuse"),
            below: below.to_owned(),
        }
    }

    /// Puts it under a program that is about to be started.
    pub(crate) fn put_under(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAULTY_DISK", &self.below)
            .env("FAULTY_DISK_FLAG", &self.flag);
    }

    /// Whether all that is written fails from now on.
    pub(crate) fn refuse_writes(&self, refuse: bool) {
        if refuse {
            fs::write(&self.flag, "").unwrap();
        } else {
            fs::remove_file(&self.flag).unwrap();
        }
    }
}
