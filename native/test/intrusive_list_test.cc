#include "intrusive_list.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

using gyre::IntrusiveList;
using gyre::ListLink;

namespace {
struct Item {
  ListLink<Item> link;
};
using List = IntrusiveList<Item, &Item::link>;
}  // namespace

TEST_CASE("an item that is appended twice keeps its place") {
  std::array<Item, 2> items;
  List list;
  list.Append(items[0]);
  list.Append(items[1]);
  list.Append(items[0]);
  CHECK(&list.PopFront() == &items[0]);
  CHECK(&list.PopFront() == &items[1]);
  CHECK(list.empty());
  list.Remove(items[0]);
  CHECK(list.empty());
}

TEST_CASE("random appends and removals agree with a vector") {
  std::mt19937 random(7);
  std::array<Item, 12> items;
  List list;
  std::vector<Item*> model;
  for (int step = 0; step < 20'000; ++step) {
    Item& item = items[random() % items.size()];
    const auto found = std::find(model.begin(), model.end(), &item);
    if (random() % 2 == 0) {
      list.Append(item);
      if (found == model.end()) model.push_back(&item);
    } else {
      list.Remove(item);
      if (found != model.end()) model.erase(found);
    }
    REQUIRE(list.empty() == model.empty());
    REQUIRE(list.front() == (model.empty() ? nullptr : model.front()));
    size_t index = 0;
    for (Item* at = list.front(); at != nullptr; at = at->link.next) {
      REQUIRE(index < model.size());
      REQUIRE(at == model[index++]);
    }
    REQUIRE(index == model.size());
  }
}
