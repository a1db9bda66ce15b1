// SQLite in owning wrappers, for one process that writes or reads a database nobody else writes.
//
//   SqliteDatabase database = SqliteDatabase::create(path);
//   database.execute("CREATE TABLE t (a INTEGER, b TEXT)");
//   SqliteStatement insert = database.prepare("INSERT INTO t VALUES (?, ?)");
//   insert.bind(1, 7).bind(2, "seven").run();
//   database.close();
//
// One thread at a time: there are no locks between threads. No file locks are taken, either: file systems of
// clusters often lack them, and the callers work on temporary names or on finished files. Errors: a storage
// error where the disk is at fault, else a data error that names the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace dfm::data {

// A row that a UNIQUE index forbids.
class SqliteConflict : public Error {
 public:
  using Error::Error;
};

class SqliteStatement {
 public:
  // Parameters count from 1. A text must live until run() or next() has returned.
  SqliteStatement& bind(int parameter, std::uint64_t value);
  SqliteStatement& bind(int parameter, std::string_view text);
  // Executes a statement without rows and makes it ready for the next values.
  void run();
  // Steps to the next row; false behind the last, and then the statement can be bound anew.
  bool next();
  // Columns count from 0. A view is valid until the next step.
  std::uint64_t number(int column) const;
  std::string_view text(int column) const;

 private:
  friend class SqliteDatabase;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  SqliteStatement(sqlite3_stmt* statement, std::string path)
      : statement_(statement), path_(std::move(path)) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  std::string path_;
};

class SqliteDatabase {
 public:
  static SqliteDatabase create(const std::filesystem::path& path);  // replaces what is there
  static SqliteDatabase open_to_read(const std::filesystem::path& path);

  void execute(const std::string& sql);
  SqliteStatement prepare(std::string_view sql);
  // All statements must be gone. Reports what the destructor would swallow.
  void close();

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  static SqliteDatabase open(const std::filesystem::path& path, int flags);
  SqliteDatabase(sqlite3* database, std::string path) : database_(database), path_(std::move(path)) {}

  std::unique_ptr<sqlite3, Close> database_;
  std::string path_;
};

}  // namespace dfm::data
